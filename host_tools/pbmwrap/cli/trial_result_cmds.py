"""`pbmwrap trial` after the reveal: report, bundle, and its verification anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pbmwrap.cli import trial_run_cmds
from pbmwrap.cli.command import Force, Json, Result, warn
from pbmwrap.cli.household import Who, read_book
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import InvalidFile, UsageError, VerifyFailed
from pbmwrap.trial.planner import import_power

if TYPE_CHECKING:
    from pbmwrap.programme.model import Person
    from pbmwrap.programme.store import Store
    from pbmwrap.programme.trials import Trial
    from pbmwrap.trial.bundle import Evidence, Outcome

Simulated = Annotated[
    bool, Option("--simulated", help="Mark the data as simulated: not those of a person.")
]


def read_result(store: Store, who: Person, trial: Trial) -> tuple[Evidence, Outcome]:
    """Collect the evidence of a revealed trial and compute its result. Raises Refused."""
    from pbmwrap.cli.log_choice import open_archive
    from pbmwrap.programme.trial_run import collect_evidence
    from pbmwrap.trial.bundle import compute_outcome

    book = read_book()
    warn(book.notes)
    evidence = collect_evidence(store, who, trial, book, open_archive())
    return evidence, compute_outcome(evidence)


def write_report(
    file: Annotated[
        Path | None, Argument(metavar="FILE", help=".html, .pdf or .png. Without it: text.")
    ] = None,
    trial: trial_run_cmds.Id = None,
    simulated: Simulated = False,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Show the result, after the reveal, or write it to a file. It follows CENT 2015."""
    from pbmwrap import __version__, disk
    from pbmwrap.programme.clinician import page_html, page_pdf

    kind = file.suffix.lower() if file else ""
    if kind not in ("", ".html", ".pdf", ".png") or (file and not kind):
        raise UsageError(f"{file} is no name of a report", "write a name in .html, .pdf or .png")
    with trial_run_cmds.open_trial(person, trial) as (store, who, chosen):
        from pbmwrap.programme.trial_steps import list_harms
        from pbmwrap.trial.report import format_text, make_trial_report

        evidence, outcome = read_result(store, who, chosen)
        harms = list_harms(store, who, chosen)
        made = make_trial_report(evidence, outcome, who.name, __version__, harms, simulated)
    data: dict[str, Any] = {
        "id": chosen.plan.id,
        "verdict": made.verdict,
        "text": made.verdict_text,
        "warnings": list(made.warnings),
        **outcome.as_body(),
        "cent": [
            {"title": s.title, "sentences": list(s.sentences), "rows": [list(r) for r in s.rows]}
            for s in (*made.first, *made.second)
        ],
        "files": [],
    }
    if file is None:
        return Result(data, format_text(made))
    if kind == ".html":
        pages: list[str | bytes] = [page_html.make_page(made)]
    else:
        pages = [page_pdf.make_pdf(made)] if kind == ".pdf" else list(page_pdf.make_pngs(made))
    names = [file]
    if len(pages) > 1:
        names = [file.with_stem(f"{file.stem}-{n}") for n in range(1, len(pages) + 1)]
    for name, page in zip(names, pages, strict=True):
        disk.write_file(name, page, force)
    data["files"] = [str(name) for name in names]
    return Result(data, ", ".join(data["files"]) + " written")


def export_bundle(
    bundle: Annotated[Path, Argument(metavar="BUNDLE", help="Where to write it; .json.")],
    trial: trial_run_cmds.Id = None,
    force: Force = False,
    person: Who = None,
    json: Json = False,
) -> Result:
    """Write all data of a revealed trial, from which anybody can repeat it.

    It has the log of the wrap, also sessions of other people on it, by their tags.
    """
    from pbmwrap import __version__, disk

    with trial_run_cmds.open_trial(person, trial) as (store, who, chosen):
        from pbmwrap.trial import bundle as bundles

        evidence, outcome = read_result(store, who, chosen)
        chain = bundles.select_chain(store.read_chain(), who.tag)
    made = bundles.make_bundle(evidence, chain, outcome, __version__)
    disk.write_file(bundle, bundles.format_bundle(made), force)
    data = {"file": str(bundle), "id": chosen.plan.id, "head": chain[-1].sha}
    return Result(data, f"{bundle} written; anybody can check it: `pbmwrap trial verify {bundle}`")


def verify_file(
    bundle: Annotated[Path, Argument(metavar="BUNDLE", help="A file of `trial export`.")],
    json: Json = False,
) -> Result:
    """Repeat a trial from its bundle: on any machine, without a wrap and without the journal."""
    import_power()
    from pbmwrap import disk
    from pbmwrap.trial import bundle as bundles

    with disk.explained(bundle, "read", "check its name"):
        try:
            text = bundle.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InvalidFile(f"{bundle} is no bundle", "name a file of `trial export`") from None
    checks = bundles.verify_bundle(bundles.parse_bundle(text, str(bundle)))
    bad = [one for one in checks if not one.ok]
    lines = [f"{'ok ' if one.ok else 'BAD'}  {one.name:<11} {one.text}" for one in checks]
    problem = None
    if bad:
        names = ", ".join(one.name for one in bad)
        problem = VerifyFailed(
            f"{bundle} does not prove its result: {names}", "ask for the bundle that was exported"
        )
        lines.append(f"NOT PROVED: {names}")
    else:
        lines.append("proved: the result follows from the plan, the log and the entries")
    data = {
        "file": str(bundle),
        "ok": not bad,
        "checks": [{"name": one.name, "ok": one.ok, "text": one.text} for one in checks],
    }
    return Result(data, "\n".join(lines), problem)
