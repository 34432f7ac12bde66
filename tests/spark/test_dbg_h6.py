from tests.spark.test_gold import *
from tests.spark.gold import _near


def test_dbg(lake):
    silver = {**rows(), PREDICTIONS: []}
    start = {"line": "501", "label": "N1", "stop_id": "1", "estimate_arrive_sec": 900}
    times = ["2025-08-28 21:40", "2025-08-28 22:30", "2025-08-29 21:40", "2025-08-30 01:00"]
    for number, text in enumerate(times):
        base = network.arrival(number, Random(1))  # noqa: S311
        silver[PREDICTIONS] = [*silver[PREDICTIONS], {**base, **start, "event_ts": utc(text)}]
    made = GoldLake(lake, silver)
    made.run()
    first = made.check()[ARRIVALS.name]
    none = [r for r in rows()[TIMETABLE] if r["line"] == "501" and r["day_type"] == "VI"]
    made.remove(TIMETABLE, none)
    made.put(CALENDAR, [{**silver[CALENDAR][9], "day_type": "SO"}])
    print([(o.days, o.counts) for o in made.run()])
    m, j = made.gold()[ARRIVALS.name], made.judged()[ARRIVALS.name]
    for k in m:
        d = {c: (m[k][c], j[k][c]) for c in j[k] if m[k][c] != j[k][c]}
        print(k, m[k]["event_ts"], d)
    print(lake.rows(SOURCES[CALENDAR])[8:11])
