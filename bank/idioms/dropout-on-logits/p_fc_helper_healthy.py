from dataclasses import dataclass, field
import torch
from torch import nn, Tensor
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler


@dataclass
class HParams:
    widths: list = field(default_factory=lambda: [30, 64, 48])
    classes: int = 5
    rate: float = 0.3
    lr: float = 3e-3
    steps: int = 260
    batch: int = 64
    seed: int = 21


hp = HParams()
torch.manual_seed(hp.seed)


def fc(i: int, o: int, act: nn.Module, rate: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(i, o), act, nn.Dropout(rate))


def build(hp: HParams) -> nn.Sequential:
    net = nn.Sequential(*[fc(a, b, nn.SiLU(), hp.rate) for a, b in zip(hp.widths, hp.widths[1:])])
    net.append(fc(hp.widths[-1], hp.classes, nn.Identity(), 0.0))
    return net


X, y = make_classification(2400, 30, n_informative=12, n_redundant=6, n_classes=hp.classes,
                           n_clusters_per_class=1, class_sep=1.3, flip_y=0.0, random_state=hp.seed)
sc = StandardScaler().fit(X[:1700])
to_t = lambda a: torch.as_tensor(sc.transform(a), dtype=torch.float32)
X_tr, X_va, X_te = to_t(X[:1700]), to_t(X[1700:2000]), to_t(X[2000:])
y = torch.as_tensor(y)
y_tr, y_va, y_te = y[:1700], y[1700:2000], y[2000:]


def stream(n: int, b: int):
    while True:
        yield from torch.randperm(n)[: n - n % b].view(-1, b)


@torch.no_grad()
def score(net: nn.Module, x: Tensor, t: Tensor) -> float:
    was = net.training
    net.eval()
    s = net(x).argmax(-1).eq(t).sum().item() / t.numel()
    net.train(was)
    return s


net = build(hp)
opt = torch.optim.AdamW(net.parameters(), hp.lr, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=hp.steps)
for step, rows in zip(range(hp.steps), stream(len(y_tr), hp.batch)):
    loss = nn.functional.cross_entropy(net(X_tr[rows]), y_tr[rows])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 52 == 51:
        print(f"{step + 1:4d} loss {loss.item():.3f} val {score(net, X_va, y_va):.3f}")

accuracy = score(net, X_te, y_te)
print(f"test {accuracy:.4f}")
