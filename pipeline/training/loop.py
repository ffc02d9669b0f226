"""The one training loop."""

import signal
import time
from dataclasses import dataclass

import torch
from tqdm import tqdm

from pipeline import reproducibility
from pipeline.errors import UserError
from pipeline.methods.base import NonFiniteLoss, Stage
from pipeline.sampling.patches import PatchSampler
from pipeline.training.state import RunFiles

DATA = ("source_lr", "source_hr", "target_lr")


@dataclass(frozen=True)
class Training:
    """How often the loop reports (steps) and saves its state (minutes)."""

    log_every: int
    state_minutes: float


class Loop:
    """Steps, history, periodic state; stops cleanly on SIGTERM and SIGINT, and at once when a loss is not finite."""

    def __init__(
        self, stage: Stage, sampler: PatchSampler, run_files: RunFiles, training: Training, device: torch.device
    ):
        self.stage, self.sampler, self.files, self.training, self.device = stage, sampler, run_files, training, device
        self.sums: dict[str, torch.Tensor] = {}
        self.signal: int | None = None

    def run(self) -> dict:
        """Train up to the schedule's last step; return what was measured."""
        steps, first = self.stage.schedule.steps, self._resume()
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        began = saved = time.monotonic()
        try:
            for step in tqdm(range(first, steps), initial=first, total=steps, unit="step", mininterval=5):
                self._step(step)
                now = time.monotonic()
                if self.signal is not None or now - saved > 60 * self.training.state_minutes:
                    self._save(step + 1)
                    saved = now
                if self.signal is not None:
                    print(
                        f"stopped by {signal.Signals(self.signal).name} after step {step + 1}; state saved", flush=True
                    )
                    raise SystemExit(128 + self.signal)
                self.files.tell(step + 1, steps, (step + 1 - first) / (now - began))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return self._measured(steps - first, time.monotonic() - began)

    def _step(self, step: int) -> None:
        self.stage.set_rates(step)
        batch = self.sampler(step)
        try:
            terms = self.stage.step(batch._replace(**self._moved(batch)))
        except NonFiniteLoss as error:
            raise UserError(
                f"step {step + 1}: loss term {', '.join(error.terms)} is not finite on the batch {', '.join(batch.names)}. "
                "Nothing was saved after the last state; look at history.partial.jsonl, lower the rate or check these images."
            ) from error
        self.sums = {name: self.sums.get(name, 0) + value for name, value in terms.items()}
        every = self.training.log_every
        if (step + 1) % every == 0 or step + 1 == self.stage.schedule.steps:
            count = (step % every) + 1
            self.files.log({"step": step + 1} | {name: round(float(v) / count, 8) for name, v in self.sums.items()})
            self.sums = {}

    def _moved(self, batch) -> dict:
        fields = {name: getattr(batch, name) for name in DATA}
        return {name: field.to(self.device) for name, field in fields.items() if field is not None}

    def _save(self, step: int) -> None:
        self.files.save(
            step, {"stage": self.stage.state_dict(), "random": reproducibility.random_state(), "sums": self.sums}
        )

    def _resume(self) -> int:
        state = self.files.load(self.device)
        if state is None:
            return 0
        self.stage.load_state_dict(state["stage"])
        reproducibility.restore_random_state(state["random"])
        self.sums = state["sums"]
        print(f"continued after step {state['step']}", flush=True)
        return state["step"]

    def _stop(self, number: int, _frame) -> None:
        self.signal = number

    def _measured(self, steps: int, seconds: float) -> dict:
        measured = {"device": str(self.device), "steps": steps}
        if steps:
            measured["seconds_per_step"] = round(seconds / steps, 5)
        if self.device.type == "cuda":
            measured["gpu_peak_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
        return measured
