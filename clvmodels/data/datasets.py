"""Public data sets."""

from importlib.resources import as_file, files

import pandas as pd


def load_cdnow() -> pd.DataFrame:
    """Return the purchases of 2,357 customers of the online music shop CDNOW, 1997-01-01 to 1998-06-30.

    All of them bought for the first time in the first quarter of 1997. It is the 1-in-10 sample on which the BG/NBD
    paper was estimated, so published figures exist for nearly everything that can be computed from it: calibrated on
    the first 39 weeks (split at 1997-09-30), the customers make 2,457 repeat purchases, and 1,882 in the next 39 weeks.

    Returns
    -------
    pandas.DataFrame
        6,919 rows with ``customer_id`` (text, "0001" to "2357"), ``date`` and ``amount`` (US dollars; 8 of them are 0).

    Notes
    -----
    Source: the file ``CDNOW_sample.txt`` that Peter Fader and Bruce Hardie publish beside their notes on customer-base
    analysis (brucehardie.com), as shipped by the Python package ``lifetimes`` under the MIT licence. The ids are those
    of the sample, not of the full log; the number of CDs a purchase is left out.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the easy way: an alternative to
    the Pareto/NBD model. Marketing Science 24(2), 275-284.

    Examples
    --------
    >>> load_cdnow().head(1).to_dict("records")
    [{'customer_id': '0001', 'date': Timestamp('1997-01-01 00:00:00'), 'amount': 29.33}]
    """
    with as_file(files("clvmodels.data") / "cdnow_sample.csv.gz") as path:
        return pd.read_csv(path, dtype={"customer_id": str}, parse_dates=["date"], converters={"amount": float})
