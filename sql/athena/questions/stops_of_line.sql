-- Which stops does a line serve, and which other lines stop there? One row a direction and stop.
-- replace line: '027' (EMT's 3-digit code)
select
    lines_stops.direction,
    lines_stops.stop_id,
    coalesce(stops.stop_name, lines_stops.stop_name) as stop_name,
    lines_stops.postal_address,
    array_join(lines_stops.data_lines, ', ') as lines_here,
    cardinality(lines_stops.data_lines) as lines_count
from ${prefix}_emt_silver.lines_stops
left join ${prefix}_emt_silver.stops on lines_stops.stop_id = stops.stop_id
where lines_stops.line = '027'
order by lines_stops.direction asc, lines_stops.stop_id asc
