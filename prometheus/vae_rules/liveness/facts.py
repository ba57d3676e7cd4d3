"""Facts about each rank: when it was last alive, its state then, and how long its steps take."""

from __future__ import annotations

from vae_exporter.vocabulary import END_STATE_LABEL, END_STATES, RUN_STATES
from vae_rules.rule import Record, Section

_STATES = sorted(RUN_STATES.items(), key=lambda state: state[1])
_LIVING_CODES = f"\n{' ' * 20}or ".join(
    f'{code} * (vae_run_state{{state="{state}"}} == 1)' for state, code in _STATES if state not in END_STATES
)
_SCRAPED_END_CODES = f"\n{' ' * 18}or ".join(
    f'{code} * (last_over_time(vae_run_state{{state="{state}"}}[2m]) == 1)'
    for state, code in _STATES
    if state in END_STATES
)
_LEFT_END_CODES = f"\n{' ' * 12}or ".join(
    f'{code} * group by (run, rank) (up{{{END_STATE_LABEL}="{state}"}})'
    for state, code in _STATES
    if state in END_STATES
)

LIFE = Section(
    "Life",
    (
        Record(
            "run_rank:vae_run:was_scraped",
            "group by (run, rank) (last_over_time(vae_run_state[2m]))",
            "Present if the rank was scraped within the last two minutes",
        ),
        Record(
            "run_rank:vae_clock_offset:seconds",
            """
              max by (run, rank) (
                vae_exporter_clock_timestamp_seconds - timestamp(vae_exporter_clock_timestamp_seconds)
              )
            or
                last_over_time(run_rank:vae_clock_offset:seconds[2m])
              and
                run_rank:vae_run:was_scraped
            or
              0 * run_rank:vae_run:was_scraped
            """,
            "How far the clock of the rank's host is ahead of that of Prometheus. The other series correct its "
            "timestamps by this",
        ),
        Record(
            "run_rank:vae_run_start:timestamp_seconds",
            """
              max by (run, rank) (last_over_time(vae_run_start_timestamp_seconds[2m]))
            -
              run_rank:vae_clock_offset:seconds
            """,
            "When the newest process of the rank started",
        ),
        Record(
            "run:vae_run:successor",
            """
            max by (run, successor) (
              label_replace(
                label_replace(
                    run_rank:vae_run_start:timestamp_seconds
                  * on (run, rank) group_right ()
                    max by (run, rank, resumes) (last_over_time(vae_run_info{resumes!=""}[2m])),
                  "successor", "$1", "run", "(.+)"
                ),
                "run", "$1", "resumes", "(.+)"
              )
            )
            """,
            "For a run that another one resumes under its own name, *successor*: when that one started",
            more_labels=("successor",),
        ),
        Record(
            "run:vae_run_start:timestamp_seconds",
            """
              max by (run) (
                run_rank:vae_run_start:timestamp_seconds or run:vae_run:successor
              )
            or
                last_over_time(run:vae_run_start:timestamp_seconds[1h])
              and
                max by (run) (last_over_time(run_rank:vae_run_alive:timestamp_seconds[1h]))
            """,
            "When the newest process of the run, or of one that resumes it, started. Kept as long as a rank of the run "
            "is remembered",
        ),
        Record(
            "run_rank:vae_run_end:code",
            f"""
              min by (run, rank) (
                  ({_SCRAPED_END_CODES})
                and ignoring (state)
                  last_over_time(vae_run_end_timestamp_seconds[2m])
                  - on (run, rank) group_left () run_rank:vae_clock_offset:seconds
                  >= on (run) group_left () run:vae_run_start:timestamp_seconds
              )
            or {_LEFT_END_CODES}
            """,
            "The state in which the newest process of the rank ended, as a scrape of the last two minutes read it, or "
            "from the target file that it left",
            why="All scrapes that read an end may lie between two evaluations.",
        ),
        Record(
            "run_rank:vae_run_unscraped:timestamp_seconds",
            """
              time() * (run_rank:vae_run_end:code > bool 0)
            unless
              run_rank:vae_run_end:code offset 1h
            unless
              last_over_time(run_rank:vae_run_start:timestamp_seconds[2h])
            unless on (run)
              last_over_time(run:vae_run:successor[1h])
            """,
            "The time, for an hour after a rank left the file with its end, if no scrape has ever seen the rank, and "
            "no other run resumes this one",
            why="It failed at its first step. The file of a rank with which a run does not resume stays as well.",
        ),
        Record(
            "run_rank:vae_run_alive:timestamp_seconds",
            """
              time() * group by (run, rank) (vae_run_state{state=~"running|paused"} == 1)
            or
              (
                  max by (run, rank) (last_over_time(vae_run_end_timestamp_seconds[2m]))
                  - run_rank:vae_clock_offset:seconds
                  >= on (run) group_left () run:vae_run_start:timestamp_seconds
                or
                  last_over_time(run_rank:vae_run_alive:timestamp_seconds[1h])
              )
                > time() - $remembered
                >= on (run) group_left () run:vae_run_start:timestamp_seconds
            or
              run_rank:vae_run_unscraped:timestamp_seconds
            """,
            "When the rank was last alive: now, or when it ended or was last scraped. Kept for a day, or until a later "
            "process of the run starts",
            why="A run of 8 ranks may resume with 4.",
        ),
        Record(
            "run_rank:vae_run_state:code",
            f"""
              (
                  min by (run, rank) (
                    {_LIVING_CODES}
                  )
                or run_rank:vae_run_end:code
                or last_over_time(run_rank:vae_run_state:code[1h])
              )
            and
              run_rank:vae_run_alive:timestamp_seconds
            """,
            "The state of the rank at that time: " + ", ".join(f"{code} {state}" for state, code in _STATES),
            why="If there are two processes, the live one counts: the other may be its predecessor.",
        ),
        Record(
            "run_rank:vae_run:disappeared",
            """
              run_rank:vae_run_alive:timestamp_seconds
            unless
              max by (run, rank) (vae_run_state{state=~"running|paused"} == 1)
            and
              run_rank:vae_run_state:code <= 1
            """,
            "When the rank was last scraped, if it was running or paused then and is not scraped now",
            why=(
                "This does not compare with time(): vmalert reads recorded series one evaluation late, so the "
                "comparison would also hold for a rank that is alive."
            ),
        ),
    ),
)

STEPS = Section(
    "Steps",
    (
        Record(
            "run_rank:vae_run_paused:timestamp_seconds",
            """
              time() * group by (run, rank) (vae_run_state{state="paused"} == 1)
            or
                last_over_time(run_rank:vae_run_paused:timestamp_seconds[1h])
              and
                run_rank:vae_run:was_scraped
            """,
            "When the rank was last scraped while paused",
        ),
        Record(
            "run_rank:vae_last_step:timestamp_seconds",
            """
              max by (run, rank) (last_over_time(vae_last_step_timestamp_seconds[2m]))
            -
              run_rank:vae_clock_offset:seconds
            """,
            "When the rank made its last step",
        ),
        Record(
            "run_rank:vae_step_age:seconds",
            """
              time()
            -
              max by (run, rank) (
                {__name__=~"run_rank:vae_last_step:timestamp_seconds|run_rank:vae_run_paused:timestamp_seconds"}
              )
            """,
            "The time since the last step or pause of the rank",
        ),
        Record(
            "run_rank:vae_step_duration_seconds:mean",
            """
              sum by (run, rank) (last_over_time(vae_step_duration_seconds_sum[2m]))
            /
              (sum by (run, rank) (last_over_time(vae_step_duration_seconds_count[2m])) > 0)
            """,
            "The usual step time: the mean time from one reported step to the next. If a trainer reports every 50th "
            "step, that is the time of 50 steps",
        ),
        Record(
            "run_rank:vae_step_duration_seconds:mean10m",
            """
              sum by (run, rank) (rate(vae_step_duration_seconds_sum[10m]))
            /
              (sum by (run, rank) (rate(vae_step_duration_seconds_count[10m])) > 0)
            """,
            "The same over the last 10 minutes",
        ),
        Record(
            "run_rank:vae_step_age:limit_seconds",
            """
              clamp_min($usual_steps * run_rank:vae_step_duration_seconds:mean, $stall_min)
            or
              $first_step * run_rank:vae_run:was_scraped
            """,
            "How long a step of the rank may take: $usual_steps usual step times, but at least $stall_min s; "
            "$first_step s if no step has been timed yet",
        ),
        Record(
            "run_rank:vae_step:is_overdue",
            "run_rank:vae_step_age:seconds > run_rank:vae_step_age:limit_seconds",
            "The time since the last step of the rank, while it exceeds this limit",
        ),
    ),
)
