"""Exporters that are made twice: in a notebook, by a copy, or in a child process."""

from __future__ import annotations

import copy
import io
import pickle
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import torch
from http_get import get
from scraping import scrape, state

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trained_process import Trainer


class TestNotebooks:
    def test_a_cell_that_is_run_again_replaces_the_exporter_at_once(self) -> None:
        with closing(TrainingExporter("bs4", port=0, linger_seconds=60, gpus=False).start()) as old:
            old.observe(10, nll=2.0)
            url = old.url
            scrape(url)
            with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False) as new:
                with pytest.raises(ConnectionRefusedError):
                    get(str(url))
                old.observe(11, nll=2.0)
                new.observe(1, nll=0.16)
                assert (old.url, scrape(new.url)["vae_loss nll train"]) == (None, 0.16)

    @pytest.mark.parametrize("other", [{"run": "another"}, {"rank": 1}], ids=str)
    def test_another_run_or_rank_replaces_nothing(self, other: dict[str, object]) -> None:
        with (
            TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False, rank=0) as first,
            TrainingExporter(**{"run": "bs4", **other}, port=0, linger_seconds=0, gpus=False),  # type: ignore[arg-type]
        ):
            assert state(scrape(first.url)) == ["running"]


def by_torch(exporter: TrainingExporter) -> TrainingExporter:
    file = io.BytesIO()
    torch.save({"exporter": exporter}, file)
    file.seek(0)
    loaded: TrainingExporter = torch.load(file, weights_only=False)["exporter"]
    return loaded


class TestCopies:
    @pytest.mark.parametrize(
        "copied",
        [copy.copy, copy.deepcopy, lambda exporter: pickle.loads(pickle.dumps(exporter)), by_torch],  # noqa: S301 - our own
    )
    def test_a_copy_records_nothing_and_says_so_once(
        self,
        exporter: TrainingExporter,
        copied: Callable[[TrainingExporter], TrainingExporter],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        exporter.observe(1, nll=0.5)
        twin = copied(exporter)
        with twin:
            for step in (2, 3):
                twin.observe(step, nll=9.0)
                twin.observe_log(step, {"nll_loss": 9.0})
        twin.close()
        assert twin.url is None
        samples = scrape(exporter.url)
        assert (state(samples), samples["vae_step"], samples["vae_loss nll train"]) == (["running"], 1, 0.5)
        assert caplog.text.count("run 'bs4' is exported by the original of this copy: nothing is recorded here") == 1


AT_MODULE_LEVEL = """
import os, sys
import torch
from torch.utils.data import DataLoader
from vae_exporter import TrainingExporter

exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False).start()

class Clips:
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.tensor(0 if exporter.url is None else 1)
"""


class TestChildren:
    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    @pytest.mark.parametrize("environment", ["os.environ['RANK'] = '0'", "os.environ.pop('RANK', None)"])
    def test_the_workers_of_a_loader_do_not_export_the_run_again(
        self, train: Callable[..., Trainer], tmp_path: Path, method: str, environment: str
    ) -> None:
        """They import the main module again, and with it make an exporter that is at its top level."""
        script = f"""
loader = DataLoader(Clips(), batch_size=None, num_workers=2, multiprocessing_context="{method}")
exporter.observe(1, nll=0.5)
say([int(is_exported) for is_exported in loader])
train()
"""
        before = AT_MODULE_LEVEL.replace("exporter = ", f"{environment}\nexporter = ", 1)
        trainer = train(script, before=before, stderr=tmp_path / "stderr", makes=False)
        assert trainer.hears() == str([0] * 4)
        assert state(scrape(trainer.hears())) == ["running"]
        trainer.goes_on()
        trainer.ends()
        stderr = (tmp_path / "stderr").read_text()
        assert stderr.count("has started this process and exports run 'bs4'") == 1

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_each_process_of_torch_multiprocessing_is_a_rank_of_its_own(
        self, train: Callable[..., Trainer], method: str, tmp_path: Path
    ) -> None:
        """No launcher sets a variable, and torch.distributed begins after the exporter: no rank 0 appears twice."""
        before = f"""
import torch, torch.distributed as dist, torch.multiprocessing
os.environ.pop("RANK", None)
os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"

def work(rank):
    exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False).start()
    import urllib.request
    before = urllib.request.urlopen(exporter.url + "/metrics").read()
    dist.init_process_group("gloo", init_method="file://{tmp_path}/store", rank=rank, world_size=2)
    exporter.observe(1, nll=0.5)
    after = urllib.request.urlopen(exporter.url + "/metrics").read().decode()
    say((len(before), f'vae_step{{{{rank="{{rank}}",run="bs4"}}}} 1.0' in after))
    dist.barrier()
    exporter.close()
"""
        script = f"torch.multiprocessing.start_processes(work, nprocs=2, start_method={method!r})"
        trainer = train(script, before=before)
        assert [trainer.hears() for _ in range(2)] == ["(0, True)"] * 2
        assert trainer.ends() == 0

    def test_a_training_that_is_forked_after_the_start_says_that_nothing_is_recorded(
        self, train: Callable[..., Trainer], tmp_path: Path
    ) -> None:
        script = """
exporter.start()
child = os.fork()
if child == 0:
    for step in range(3):
        exporter.observe(step, nll=0.5)
    os._exit(0)
os.waitpid(child, 0)
"""
        trainer = train(script, stderr=tmp_path / "stderr")
        assert trainer.ends() == 0
        assert (tmp_path / "stderr").read_text().count(
            "nothing is recorded here. Make the exporter in the function"
        ) == 1
