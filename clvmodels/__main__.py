"""``python -m clvmodels`` is ``clv``."""

from clvmodels.cli import main

if __name__ == "__main__":
    main()
