"""The trials of a search, in a file of SQLite that outlives whatever interrupts it.

Optuna proposes. What it proposes for a trial follows from the seed, the trial's number and the
trials that have ended, so that a search of one process goes on as if it had not been interrupted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from aefpga.errors import RunError
from aefpga.search.figures import Figures, as_figures
from aefpga.search.space import SearchConfig

NAME = "aefpga"
_AGAIN = "as a trial before"
# Proposals of what was tried before, in a row, that mean that there is nothing else.
REPEATED = 10
State = Literal["complete", "pruned", "failed"]
STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class Trial:
    """An encoder that was proposed, and what is known of it.

    Parameters
    ----------
    number : int
        Counted from 0.
    chosen : Mapping
        Its parameters, as `SearchConfig.choose` returns them.
    state : str or None
        How it ended; None of one that goes on.
    reason : str
        Why it ended before its time.
    brief, figures : Figures or None
        After the short training, and after the whole one; on validation records.
    facts : Mapping
        What else is known: the clock period after the short training, and of the whole one all that
        is shown.
    """

    number: int
    chosen: Mapping[str, Any]
    state: State | None = None
    reason: str = ""
    brief: Figures | None = None
    figures: Figures | None = None
    facts: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Name of its run, such as ``007-linear-12x8bit``."""
        x = self.chosen
        words = f"{x['latents']}x{x['latent_bits']}" if "latents" in x else x["link_bits"]
        return f"{self.number:03}-{x['model']}-{words}bit"


class Trials:
    """All trials of a search.

    Parameters
    ----------
    path : Path
        The SQLite file.
    config : SearchConfig
        Of the search that the file belongs to.

    Raises
    ------
    RunError
        If the file is damaged.
    """

    def __init__(self, path: Path, config: SearchConfig) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._config = config
        try:
            self._study = optuna.create_study(
                storage=f"sqlite:///{path}",
                study_name=NAME,
                directions=["minimize"] * 4,
                load_if_exists=True,
            )
            self._all = {t.number: _trial(t) for t in self._study.get_trials(deepcopy=False)}
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
            first = str(error).partition("\n")[0]
            raise RunError(
                f"{path} is damaged ({first}); remove it, and the search begins anew with the runs "
                "that are there"
            ) from error

    def ended(self) -> list[Trial]:
        """Return the trials that ended, in order; none that another had been before."""
        return [t for t in self._all.values() if t.state is not None and t.reason != _AGAIN]

    def running(self) -> list[Trial]:
        """Return the trials that were proposed and have not ended, in order.

        What was not yet chosen of one, when the search was killed, is chosen now.
        """
        for number in [t.number for t in self._all.values() if t.state is None]:
            trial = self._all[number]
            chosen = self._config.choose(self._asked(trial))
            self._all[number] = replace(trial, chosen=chosen)
        return [t for t in self._all.values() if t.state is None]

    def propose(self) -> Trial | None:
        """Return a new trial; None if what is proposed has all been tried."""
        tried = {json.dumps(t.chosen, sort_keys=True) for t in self._all.values()}
        for _ in range(REPEATED):
            asked = self._ask()
            trial = Trial(asked.number, self._config.choose(asked))
            self._all[trial.number] = trial
            if json.dumps(trial.chosen, sort_keys=True) not in tried:
                return trial
            self._end(trial, TrialState.FAIL, reason=_AGAIN)
        return None

    def _ask(self) -> optuna.Trial:
        seeds = np.random.SeedSequence((self._config.training.seed, len(self._all)))
        self._study.sampler = optuna.samplers.TPESampler(seed=int(seeds.generate_state(1)[0]))
        return self._study.ask()

    def keep_brief(self, trial: Trial, figures: Figures, facts: Mapping[str, Any]) -> Trial:
        """Record what the short training of a trial came to; return the trial with it."""
        asked = self._asked(trial)
        asked.set_user_attr("brief", figures.to_dict())
        asked.set_user_attr("facts", dict(facts))
        known = replace(trial, brief=figures, facts=facts)
        self._all[trial.number] = known
        return known

    def complete(self, trial: Trial, figures: Figures, facts: Mapping[str, Any]) -> None:
        """Record the end of a trial that was trained in full."""
        asked = self._asked(trial)
        asked.set_user_attr("figures", figures.to_dict())
        asked.set_user_attr("facts", dict(facts))
        self._constrain(asked, figures)
        self._study.tell(trial.number, figures.values)
        self._all[trial.number] = replace(trial, state="complete", figures=figures, facts=facts)

    def prune(self, trial: Trial, reason: str) -> None:
        """Record that a trial was given up after its short training."""
        if trial.brief is not None:
            self._constrain(self._asked(trial), trial.brief)
        self._end(trial, TrialState.PRUNED, reason)

    def fail(self, trial: Trial, reason: str) -> None:
        """Record that a trial could not be trained."""
        self._end(trial, TrialState.FAIL, reason)

    def _end(self, trial: Trial, state: TrialState, reason: str) -> None:
        self._asked(trial).set_user_attr("reason", reason)
        self._study.tell(trial.number, state=state)
        self._all[trial.number] = replace(trial, state=STATES[state], reason=reason)

    def _constrain(self, asked: optuna.Trial, figures: Figures) -> None:
        for name, share in self._config.limits.excess(figures).items():
            asked.set_constraint(name, share)

    def _asked(self, trial: Trial) -> optuna.Trial:
        """Return Optuna's own trial, whoever asked for it."""
        frozen = self._study.get_trials(deepcopy=False)[trial.number]
        return optuna.Trial(self._study, frozen._trial_id)


def _trial(found: FrozenTrial) -> Trial:
    known = found.user_attrs
    return Trial(
        number=found.number,
        chosen=found.params,
        state=STATES.get(found.state),
        reason=known.get("reason", ""),
        brief=as_figures(known.get("brief")),
        figures=as_figures(known.get("figures")),
        facts=known.get("facts"),
    )
