"""The three forms of the results: figures as JSON, a page with plots, a summary for the terminal."""

import html
import json
import pathlib

from bars import Figure
from contest import TITLES, Contest, Contestant

PLOT_LIMIT = 6

STYLE = """
:root { --ink: #1c2430; --dim: #5d6878; --line: #d7dce3; --page: #ffffff; --us: #1f6fb2;
  --peer: #9aa7b8; --floor: #3c8d57; --client: #1f6fb2; --server: #e0862c; --other: #b9c0ca;
  --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #98a3b3; --line: #363f4c;
  --page: #141920; --us: #5aa7e8; --peer: #66738a; --floor: #63b97f; --client: #5aa7e8;
  --server: #eea356; --other: #4a5465; --bad: #f0837b; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
th { color: var(--dim); font-weight: 600; } .dim { color: var(--dim); } .bad { color: var(--bad); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .dim { fill: var(--dim); }
svg { max-width: 100%; height: auto; } .scroll { overflow-x: auto; }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
"""


def figures_of(contest: Contest) -> list[Figure]:
    """One shape's figures, the bars first."""
    base = f"load.{contest.shape.name}"
    floor, ours = contest.find("floor"), contest.find("spillway")
    peers = [c for c in contest.contestants if c.runs and c.name not in ("floor", "spillway")]
    figures: list[Figure] = []
    if floor and ours:
        # Only the narrow shape has a bar against the floor; the others must be ahead of the peers.
        goal = 1.10 if contest.shape.name == "narrow" else None
        figures.append(Figure(f"{base}.ratio_to_floor", ours.seconds / floor.seconds, "x", goal))
        figures.append(
            Figure(f"{base}.ratio_to_floor.median", ours.median / floor.median, "x", None)
        )
    if ours and peers:
        best = min(peer.seconds for peer in peers)
        figures.append(Figure(f"{base}.ratio_to_best_peer", ours.seconds / best, "x", 1.0))
        least = min(cpu_per_row(peer, contest) for peer in peers)
        figures.append(
            Figure(f"{base}.client_cpu_to_least_peer", cpu_per_row(ours, contest) / least, "x", 1.0)
        )
    for contestant in contest.contestants:
        name = f"{base}.{contestant.name}"
        if not contestant.runs:
            figures.append(Figure(f"{name}.seconds", None, "s", reason=contestant.reason))
            continue
        outcome = contestant.best.outcome
        figures.append(Figure(f"{name}.seconds", contestant.seconds, "s"))
        figures.append(Figure(f"{name}.seconds.median", contestant.median, "s"))
        if floor and contestant.name not in ("floor", "spillway"):
            ratio = contestant.seconds / floor.seconds
            figures.append(Figure(f"{name}.ratio_to_floor", ratio, "x"))
        figures.append(Figure(f"{name}.client_cpu", cpu_per_row(contestant, contest), "us/row"))
        goal = 512.0 if contestant.name == "spillway" else None
        figures.append(Figure(f"{name}.peak", outcome.peak_bytes / 2**20, "MiB", goal))
        figures.append(Figure(f"{name}.idle", outcome.idle * 100, "%", better="higher"))
    return figures


def cpu_per_row(contestant: Contestant, contest: Contest) -> float:
    return min(run.client_cpu for run in contestant.runs) / contest.rows * 1e6


def met(figure: Figure) -> bool | None:
    if figure.goal is None:
        return None
    if figure.value is None:
        return False
    if figure.better == "lower":
        return figure.value <= figure.goal
    return figure.value >= figure.goal


def as_json(figures: list[Figure]) -> str:
    """The list that other programs read. A figure that could not be had has the value null."""
    entries = [
        {
            "name": f.name,
            "value": None if f.value is None else round(f.value, 4),
            "unit": f.unit,
            "goal": f.goal,
            "better": f.better,
        }
        for f in figures
    ]
    return json.dumps(entries, indent=1) + "\n"


# Plots -------------------------------------------------------------------------------------------


def bar_plot(contest: Contest) -> str:
    """Seconds of each contestant, best as a bar, median as a mark; the line is the floor."""
    shown = [c for c in contest.contestants if c.runs]
    if not shown:
        return ""
    left, width, step = 130, 500, 26
    floor = contest.find("floor")
    longest = max(c.median for c in shown)
    if floor:
        longest = min(longest, PLOT_LIMIT * floor.seconds)  # a bar that goes beyond is cut there
    scale = width / longest
    height = step * len(shown) + 10
    parts = [f'<svg viewBox="0 0 820 {height}" role="img" aria-label="seconds by program">']
    for row, contestant in enumerate(shown):
        y = row * step + 6
        colour = {"floor": "floor", "spillway": "us"}.get(contestant.name, "peer")
        end = min(contestant.seconds * scale, width)
        mark = min(contestant.median * scale, width)
        ratio = f" · {contestant.seconds / floor.seconds:.2f} × floor" if floor else ""
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{TITLES[contestant.name]}</text>'
            f'<rect x="{left}" y="{y}" width="{end:.1f}" height="17" fill="var(--{colour})"/>'
            f'<line x1="{left + mark:.1f}" y1="{y - 1}" x2="{left + mark:.1f}" y2="{y + 18}" '
            'stroke="var(--ink)"/>'
            f'<text x="{left + mark + 6:.1f}" y="{y + 13}" class="dim">'
            f"{contestant.seconds:.2f} s{ratio}</text>"
        )
    if floor:
        x = left + floor.seconds * scale
        parts.append(
            f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height}" stroke="var(--floor)" '
            'stroke-dasharray="4 3"/>'
        )
    return "".join(parts) + "</svg>"


def time_line(samples: list[dict], title: str) -> str:
    """Each core's use over time: client below, server on it, others on top."""
    if not samples:
        return ""
    cores = len(samples[0]["cores"])
    left, width, tall = 60, 740, 80
    end = samples[-1]["at"] + samples[-1]["width"]
    scale = width / end
    height = cores * (tall + 22) + 24
    parts = [f'<svg viewBox="0 0 820 {height}" role="img" aria-label="{html.escape(title)}">']
    for core in range(cores):
        base = core * (tall + 22) + tall + 8
        parts.append(
            f'<text x="{left - 8}" y="{base - tall / 2}" text-anchor="end">core {core}</text>'
        )
        for sample in samples:
            x, wide = left + sample["at"] * scale, max(sample["width"] * scale - 0.3, 0.5)
            y = float(base)
            for side in ("client", "server", "other"):
                high = sample["cores"][core][side] * tall
                y -= high
                if high > 0.2:
                    parts.append(
                        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
                        f'fill="var(--{side})"/>'
                    )
        parts.append(
            f'<line x1="{left}" y1="{base}" x2="{left + width}" y2="{base}" stroke="var(--line)"/>'
        )
    for tick in range(0, int(end) + 1, max(1, round(end / 8))):
        parts.append(
            f'<text x="{left + tick * scale:.1f}" y="{height - 4}" class="dim" '
            f'text-anchor="middle">{tick} s</text>'
        )
    return "".join(parts) + "</svg>"


def used(samples: list[dict]) -> str:
    """The shares of all core time behind a time line, as words."""
    whole = sum(sample["width"] * len(sample["cores"]) for sample in samples)
    if not whole:
        return ""
    shares = {
        side: sum(sample["width"] * core[side] for sample in samples for core in sample["cores"])
        / whole
        for side in ("client", "server", "other")
    }
    idle = max(0.0, 1 - sum(shares.values()))
    return ", ".join(f"{side} {share:.0%}" for side, share in {**shares, "idle": idle}.items())


KEY = (
    '<p class="key dim">Use of each core:'
    '<span style="background:var(--client)"></span>client'
    '<span style="background:var(--server)"></span>server'
    '<span style="background:var(--other)"></span>other'
    "</p>"
)


def table(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


HEADS = [
    *("program", "min s", "median s", "× floor", "client CPU µs/row", "server CPU s"),
    *("peak MiB", "idle", "rounds", "remarks"),
]


def contest_rows(contest: Contest) -> list[list[str]]:
    floor = contest.find("floor")
    rows = []
    for c in contest.contestants:
        title = TITLES[c.name] + (
            f" ({contest.connections} connections)" if c.name == "floor" else ""
        )
        if not c.runs:
            rows.append([title, *["–"] * 8, c.reason or "not run"])
            continue
        outcome = c.best.outcome
        remarks = "; ".join([*sorted(c.notes), *([c.reason] if c.reason else [])])
        rows.append(
            [
                title,
                f"{c.seconds:.2f}",
                f"{c.median:.2f}",
                f"{c.seconds / floor.seconds:.2f}" if floor else "–",
                f"{cpu_per_row(c, contest):.2f}",
                f"{outcome.server_cpu:.2f}",
                f"{outcome.peak_bytes / 2**20:.0f}",
                f"{outcome.idle:.0%}",
                str(len(c.runs)),
                remarks,
            ]
        )
    return rows


def figure_rows(figures: list[Figure]) -> list[list[str]]:
    rows = []
    for f in figures:
        value = "–" if f.value is None else f"{f.value:.4g} {f.unit}"
        goal = (
            "" if f.goal is None else f"{'≤' if f.better == 'lower' else '≥'} {f.goal:g} {f.unit}"
        )
        verdict = {True: "met", False: "not met", None: ""}[met(f)]
        rows.append([f.name, value, goal, verdict if f.value is not None else f.reason])
    return rows


def as_page(
    about: dict[str, dict[str, str]], contests: list[Contest], figures: list[Figure]
) -> str:
    out = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Spillway benchmark</title><style>{STYLE}</style><h1>Spillway benchmark</h1>",
    ]
    bars = [f for f in figures if f.goal is not None]
    escaped = [[html.escape(cell) for cell in row] for row in figure_rows(bars)]
    if bars:
        out += ["<h2>Bars</h2>", table(["figure", "measured", "goal", ""], escaped)]
    for contest in contests:
        out.append(
            f"<h2>First load: {contest.shape.name}, {contest.rows:,} rows "
            f"({contest.bytes / 2**20:.0f} MiB of COPY bytes)</h2>"
        )
        out.append(bar_plot(contest))
        out.append(
            '<p class="dim">Bar: best run, cut at '
            f"{PLOT_LIMIT} × the floor. Mark: median. Dashed: the floor.</p>"
        )
        rows = [[html.escape(cell) for cell in row] for row in contest_rows(contest)]
        out.append(table(HEADS, rows))
        floors = ", ".join(f"{n}: {s:.2f} s" for n, s in contest.floors.items())
        out.append(f'<p class="dim">Floor by connections: {floors}.</p>')
        for name, samples in contest.timelines.items():
            title = f"{TITLES[name]}: {used(samples)}"
            out += [f"<h3>{html.escape(title)}</h3>", KEY, time_line(samples, title)]
    rest = [f for f in figures if not f.name.startswith("load.")]
    escaped = [[html.escape(cell) for cell in row] for row in figure_rows(rest)]
    if rest:
        heads = ["figure", "measured", "goal", ""]
        out += ["<h2>Memory, latency, planning</h2>", table(heads, escaped)]
    for title, facts in about.items():
        rows = [[html.escape(k), html.escape(v)] for k, v in facts.items()]
        out += [f"<h2>{html.escape(title)}</h2>", table(["", ""], rows)]
    return "\n".join(out) + "</html>\n"


# Terminal ----------------------------------------------------------------------------------------


def columns(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in (0, len(row) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def as_text(
    about: dict[str, dict[str, str]], contests: list[Contest], figures: list[Figure]
) -> str:
    out = []
    for title, facts in about.items():
        out.append(f"{title}: " + ", ".join(f"{k} {v}" for k, v in facts.items()))
    for contest in contests:
        out.append(f"\nFirst load: {contest.shape.name}, {contest.rows:,} rows")
        out.append(columns([HEADS, *contest_rows(contest)]))
        for name, samples in contest.timelines.items():
            out.append(f"core time, {TITLES[name]}: {used(samples)}")
    rest = [f for f in figures if not f.name.startswith("load.") or f.goal is not None]
    if rest:
        out.append("\n" + columns([["figure", "measured", "goal", ""], *figure_rows(rest)]))
    return "\n".join(out) + "\n"


def write(
    folder: pathlib.Path,
    about: dict[str, dict[str, str]],
    contests: list[Contest],
    figures: list[Figure],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(as_json(figures))
    (folder / "latest.html").write_text(as_page(about, contests, figures))
