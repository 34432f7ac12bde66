-- How much longer than promised does one wait for each line? One row for each line, all its stops.
-- Squares and sums are added up over stops and days before dividing, as the view says.
with lines as (
    select
        label,
        sum(headways) as headways,
        sum(observed_headways) as observed_headways,
        sum(sum_squares) / nullif(2 * sum(sum_sec), 0) as awt_sec,
        sum(sum_longest_squares) / (2 * sum(sum_longest_sec)) as swt_sec,
        sum(sum_shortest_squares) / (2 * sum(sum_shortest_sec)) as swt_of_shortest_sec,
        cast(sum(bunched) as double) / sum(headways) as bunched_rate,
        cast(sum(gaps) as double) / sum(headways) as gap_rate,
        cast(sum(long_gaps) as double) / sum(headways) as long_gap_rate,
        bool_and(is_high_frequency) as is_high_frequency
    from ${prefix}_views.headway_regularity
    group by label
)

select
    label,
    headways,
    observed_headways,
    awt_sec / 60 as awt_min,
    swt_sec / 60 as swt_min,
    (awt_sec - swt_sec) / 60 as ewt_min,
    (awt_sec - swt_of_shortest_sec) / 60 as ewt_of_shortest_min,
    bunched_rate,
    gap_rate,
    long_gap_rate,
    is_high_frequency
from lines
order by ewt_min desc, label asc
