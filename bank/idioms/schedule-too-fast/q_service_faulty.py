from __future__ import annotations
import logging
from collections import defaultdict
from dataclasses import dataclass
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

log = logging.getLogger("churn")


@dataclass(frozen=True)
class Job:
    epochs: int = 12
    batch: int = 64
    lr: float = 0.03
    decay: float = 0.8
    seed: int = 2024


class Engine:
    """Minimal event-driven loop used by the nightly retraining job."""

    def __init__(self, step_fn):
        self.step_fn, self.handlers = step_fn, defaultdict(list)

    def on(self, event, fn):
        self.handlers[event].append(fn)
        return self

    def fire(self, event):
        for fn in self.handlers[event]:
            fn()

    def run(self, loader, epochs):
        for _ in range(epochs):
            self.fire("epoch_started")
            for batch in loader:
                self.step_fn(*batch)
                self.fire("iteration_completed")
            self.fire("epoch_completed")


job = Job()
torch.manual_seed(job.seed)
X, y = make_classification(2400, 24, n_informative=10, n_redundant=4, n_classes=5, n_clusters_per_class=2,
                           class_sep=1.4, flip_y=0.01, random_state=job.seed)
X_fit, X_hold, y_fit, y_hold = train_test_split(X, y, test_size=0.25, stratify=y, random_state=1)
center, spread = X_fit.mean(0), X_fit.std(0)
prep = lambda a: torch.as_tensor((a - center) / spread, dtype=torch.float32)
loader = DataLoader(TensorDataset(prep(X_fit), torch.as_tensor(y_fit)), batch_size=job.batch, shuffle=True)

model = nn.Sequential(nn.Linear(24, 80), nn.ReLU(), nn.Linear(80, 40), nn.ReLU(), nn.Linear(40, 5))
optimizer = torch.optim.SGD(model.parameters(), lr=job.lr, momentum=0.9)
decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=job.decay)


def update(xb, yb):
    optimizer.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(model(xb), yb).backward()
    optimizer.step()


engine = Engine(update)
engine.on("epoch_started", model.train)
engine.on("iteration_completed", decay.step)  # <- fault
engine.on("epoch_completed", lambda: log.info("lr now %s", decay.get_last_lr()))
engine.run(loader, job.epochs)

model.eval()
with torch.inference_mode():
    accuracy = (model(prep(X_hold)).argmax(-1) == torch.as_tensor(y_hold)).float().mean().item()
print({"metric": "accuracy", "value": round(accuracy, 4)})
