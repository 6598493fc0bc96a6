"""`dymap.runs.check_capture`: what is wrong with a capture, in words, numbers and a page; and a corrected copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dymap.capture import read_source
from dymap.capture.check.examine import Report, examine, examine_in_short
from dymap.capture.check.finding import Finding
from dymap.capture.check.page import page_of, summary
from dymap.capture.check.repair import compatible, repaired
from dymap.capture.check.survey import Survey
from dymap.capture.writers.easymocap import write_easymocap
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import check_new_folder, replacing, write_json
from dymap.runs.bars import Bars, no_bars


@dataclass(frozen=True)
class CheckedCapture:
    """summary: one sentence. findings: the gross ones first. page, json, fixed: what was written, or None.

    repaired: names of the cameras that differ in the corrected copy.
    """

    summary: str
    findings: tuple[Finding, ...]
    page: Path | None = None
    json: Path | None = None
    fixed: Path | None = None
    repaired: tuple[str, ...] = ()

    @property
    def gross(self) -> bool:
        return any(finding.gross for finding in self.findings)


def check_capture(
    data: str | Path,
    config: CaptureConfig | None = None,
    *,
    page: str | Path | None = None,
    json: str | Path | None = None,
    fix: str | Path | None = None,
    progress: Bars = no_bars,
) -> CheckedCapture:
    """Look for what is wrong with a capture. A bounded number of its pictures and masks is read.

    page: HTML file to write. json: file for the findings and their numbers. fix: folder of a corrected copy in the
    layout of EasyMocap, in which all is mended that is certain. Raises InputError for captures that cannot be read, and
    with `fix` if nothing can be mended for certain or its folder holds something.
    """
    if fix is not None:
        check_new_folder(Path(fix))
    source = read_source(data, config or CaptureConfig())
    survey = Survey(source)
    with progress("read pictures and masks") as update:
        survey.gather(update)
    report = examine(source, survey)
    checked = CheckedCapture(summary(report), report.findings)
    if page is not None:
        with replacing(Path(page)) as partial:
            partial.write_text(page_of(report), encoding="utf-8")
    if json is not None:
        write_json(Path(json), as_json(report))
    names: tuple[str, ...] = ()
    if fix is not None:
        repairs = compatible([repair for finding in report.findings for repair in finding.repairs])
        if not repairs:
            raise InputError(f"{data}: nothing is known for certain to be wrong, so that there is nothing to fix")
        with progress("write the corrected capture") as update:
            write_easymocap(repaired(source, repairs), Path(fix), update)
        names = tuple(source.cameras[view].name for view in dict.fromkeys(repair.view for repair in repairs))
    return CheckedCapture(
        checked.summary,
        checked.findings,
        None if page is None else Path(page),
        None if json is None else Path(json),
        None if fix is None else Path(fix),
        names,
    )


def warnings_of(data: Path, config: CaptureConfig) -> Iterator[str]:
    """What a training should be warned of: the gross findings of a few frames, in seconds."""
    for finding in examine_in_short(read_source(data, config)):
        yield f"{finding.text}; dymap capture check {data} says more"


def as_json(report: Report) -> dict[str, Any]:
    """The findings and their numbers, in plain containers. Shares are of masks and hulls, by camera and frame."""
    survey, agreement = report.survey, report.agreement
    curves: dict[str, Any] = {}
    if agreement is not None:
        for view in survey.views:
            curves[survey.name(view)] = {
                key: [None if value != value else round(float(value), 4) for value in values[:, view]]
                for key, values in (("missed", agreement.missed), ("beyond", agreement.beyond))
            }
    return {
        "capture": str(survey.source.root),
        "cameras": [survey.name(view) for view in survey.views],
        "frames": [] if agreement is None else [survey.number(frame) for frame in agreement.frames],
        "findings": [
            {
                "cause": finding.cause,
                "gross": finding.gross,
                "camera": finding.camera,
                "frame": finding.frame,
                "text": finding.text,
                "option": finding.option,
                "measures": {key: float(value) for key, value in finding.measures.items()},
                "fixable": bool(finding.repairs),
            }
            for finding in report.findings
        ],
        "agreement": curves,
    }
