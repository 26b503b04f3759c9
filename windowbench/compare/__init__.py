"""Finished runs beside each other: which of them may be compared, what differs, and how sure that is.

A comparison is one JSON-able mapping, ``comparison.json``. Text, Markdown and the page are made from it alone.
Durations are in ms, shares in percent; an interval is ``[low, high]`` of 95 % and ``null`` where there is none, and
then a ``note`` beside it says why. All text in it is as its source gave it; whoever shows it escapes it.

``schema_version`` : int
    1.
``kind`` : str
    ``"comparison"``.
``name`` : str or null
    The comparison's own name (of ``versus``: its directory), null for runs picked by hand.
``base`` : str or null
    Label of the arm that the others are compared with; null when no run is fit to be compared.
``ranked_by`` : mapping
    ``metric`` ("excess_ms", ...), ``percent`` (90) and ``why``, a sentence.
``arms`` : list, the base first
    An arm is an engine with a configuration; its runs are repeats of each other.

    ``label`` : str
        As shown, unique: "spark", "flink,idle_timeout_ms=0".
    ``engine``, ``mode`` : str
        Engine; "append" or what else its rows are.
    ``settings`` : mapping of str to value
        Settings in which the arm differs from another one.
    ``runs`` : list of str
        Ids of all its runs, fit or not.
    ``repeats``, ``windows``, ``rows`` : int
        What its figures come from: valid runs, measured windows, rows that count.
    ``level`` : str
        "between runs" (3 repeats or more) or "within runs only".
    ``latencies_ms`` : mapping of metric to mapping
        ``p50``, ``p90`` : {``value``, ``interval``, ``note``}, the mean of the runs' percentiles;
        ``quantiles`` : list of [percent, ms] over all rows, for a curve. Empty without a valid run.
    ``rank`` : int or null
        1 is least by ``ranked_by``; null without a valid run.
    ``effective_settings`` : mapping of str to str
        What the engine of its first run reported.
``runs`` : list, as given
    ``run_id``, ``directory`` : str
        The directory as the user gave it.
    ``arm`` : str or null
        Null when not even the configuration can be read.
    ``status``, ``verdict`` : str
        "completed", "failed", "aborted", "damaged", "unknown"; "valid", "invalid", "unsustainable", "unknown".
    ``ranked`` : bool
        Whether its rows are in the figures.
    ``reason`` : str or null
        Why not.
    ``exit_code`` : int
        What the run says about itself in a command's exit code.
    ``seed`` : int or null
    ``started_ns`` : int or null
        Epoch of its load.
    ``windows``, ``rows`` : int
    ``latencies_ms`` : mapping of metric to {``p50``, ``p90``, ``p95``, ``p99``, ``max``}
        As in the run's own summary; empty where it has none.
    ``load`` : mapping
        ``arrivals``, ``nominal_rate``, ``scheduled_rate``, ``path_rate`` of the run's summary; empty likewise.
``differences`` : list
    One for each arm but the base, metric and percentile (50, 90).

    ``arm``, ``base``, ``metric`` : str
    ``percent`` : int
    ``ranks`` : bool
        Whether this metric may be compared between these arms.
    ``base_value_ms``, ``value_ms`` : float
    ``difference_ms`` : {``value``, ``interval``, ``note``}
        Arm less base.
    ``change_percent`` : {``value``, ``interval``, ``note``}
        The difference in percent of the base; ``value`` null with a ``note`` when the base is not above 0.
    ``level`` : str
        "between runs" or "within runs only".
    ``paired`` : bool
        Whether runs of equal seeds were taken as pairs.
    ``repeats``, ``windows`` : [int, int]
        Of the base and of the arm.
    ``conclusion`` : str
        "slower", "faster", "no difference shown" or "undecided" (no interval).
    ``mann_whitney`` : mapping or null
        ``probability_slower`` (that a window of the arm is slower than one of the base; ties half), ``p_value``,
        ``windows`` [int, int], ``note``: descriptive, as it takes windows for independent.
``thresholds`` : list
    One for each ``--fail-on``: ``expression``, ``metric``, ``percent``, ``limit`` (float), ``unit`` ("%" or "ms") and
    ``results``, one for each arm but the base: {``arm``, ``value``, ``interval``, ``outcome``, ``text``}, with the
    outcome "kept", "missed", "inconclusive" or "undecided" (no valid run, or no interval).
``configuration_differences`` : list
    {``setting``, ``values``: mapping of arm label to value}, for each setting in which arms differ; null where an arm
    has no such setting.
``load_differences`` : list
    {``field``, ``values``: mapping of run id to value}, for seed and other fields of the load that differ within an arm
    or between arms.
``environment_differences`` : list
    {``field``, ``values``: mapping of run id to value, ``refused``: bool}; the last one says whether it needed
    ``--allow-different-environment``.
``parity`` : list
    The settings that decide latency: {``name``, ``values``: mapping of arm label to {``value``, ``source``},
    ``equal``: bool, ``note``}. ``source`` is "reported" by the engine, "configured", "default" of the engine, "fixed"
    (by how it works) or "unknown".
``warnings`` : list of str
``exit_code`` : int
    The worst of all runs and thresholds.
"""
