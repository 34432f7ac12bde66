-- How evenly did buses come, what does it cost who waits? One row a local date, line and stop.
-- Who comes at a random moment waits, on average, the sum of the squared headways over twice their
-- sum (Osuna and Newell, 1972): the actual wait, AWT; the same of the headways promised is the
-- scheduled wait, SWT. The excess, EWT, is AWT less SWT (Transport for London, FOI-0791-1920).
-- EMT promises a range: ewt_sec is against the longest headway, so the sure excess, and
-- ewt_of_shortest_sec against the shortest. It is made for frequent lines; for Transport for London
-- those of five buses or more an hour (is_high_frequency).
-- Bunched, gap: off the promise by more than half of it (Transit Capacity and Quality of Service
-- Manual, 2nd edition, TCRP Report 100, part 3, exhibit 3-30; its coefficient of variation is over
-- the mean scheduled headway, headway_cv over the mean actual one). Long gap: over twice the
-- promise (Transport for London, bus operator league tables). The sums are there to be added up
-- over stops or days before dividing. Left out: pairs without a promise, and those whose first bus
-- was more than 600 seconds away.
with measured as (
    select
        local_date,
        label,
        stop_id,
        min(line) as line,
        count(*) as headways,
        count_if(is_observed) as observed_headways,
        sum(headway_sec) as sum_sec,
        sum(headway_sec * headway_sec) as sum_squares,
        sum(cast(shortest_promised_sec as double)) as sum_shortest_sec,
        sum(cast(shortest_promised_sec as double) * shortest_promised_sec)
            as sum_shortest_squares,
        sum(cast(longest_promised_sec as double)) as sum_longest_sec,
        sum(cast(longest_promised_sec as double) * longest_promised_sec)
            as sum_longest_squares,
        count_if(headway_sec < 0.5 * shortest_promised_sec) as bunched,
        count_if(headway_sec > 1.5 * longest_promised_sec) as gaps,
        count_if(headway_sec > 2 * longest_promised_sec) as long_gaps,
        max(headway_sec) as longest_sec,
        max(longest_promised_sec) <= 720 as is_high_frequency
    from ${prefix}_views.headways
    where shortest_promised_sec is not null and leading_estimate_sec <= 600
    group by local_date, label, stop_id
)

select
    measured.local_date,
    measured.label,
    measured.line,
    measured.stop_id,
    stops.stop_name,
    measured.is_high_frequency,
    measured.headways,
    measured.observed_headways,
    measured.sum_sec / measured.headways as mean_headway_sec,
    measured.longest_sec as longest_headway_sec,
    sqrt(
        greatest(
            measured.sum_squares * measured.headways
            - measured.sum_sec * measured.sum_sec,
            0
        )
    ) / nullif(measured.sum_sec, 0) as headway_cv,
    measured.sum_squares / nullif(2 * measured.sum_sec, 0) as awt_sec,
    measured.sum_longest_squares / (2 * measured.sum_longest_sec) as swt_sec,
    measured.sum_squares / nullif(2 * measured.sum_sec, 0)
    - measured.sum_longest_squares / (2 * measured.sum_longest_sec) as ewt_sec,
    measured.sum_squares / nullif(2 * measured.sum_sec, 0)
    - measured.sum_shortest_squares / (2 * measured.sum_shortest_sec)
        as ewt_of_shortest_sec,
    measured.bunched,
    measured.gaps,
    measured.long_gaps,
    measured.sum_sec,
    measured.sum_squares,
    measured.sum_shortest_sec,
    measured.sum_shortest_squares,
    measured.sum_longest_sec,
    measured.sum_longest_squares
from measured
left join ${prefix}_emt_silver.stops on measured.stop_id = stops.stop_id
