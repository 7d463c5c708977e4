"""Models and optimizers are produced by name from registries."""
import torch
from torch import nn
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedShuffleSplit

MODELS, OPTIMIZERS = {}, {}


def register(table, name):
    def wrap(fn):
        table[name] = fn
        return fn
    return wrap


@register(MODELS, "tanh_mlp")
def tanh_mlp(d_in, d_out, hidden=24):
    return nn.Sequential(nn.Linear(d_in, hidden), nn.Tanh(), nn.Linear(hidden, d_out))


@register(OPTIMIZERS, "momentum")
def momentum(parameters, lr):
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True)


SPEC = dict(model="tanh_mlp", optimizer="momentum", lr=0.05, steps=120, batch=24)


def build_model(spec):
    return MODELS[spec["model"]](13, 3)


def build_optimizer(spec, model):
    return OPTIMIZERS[spec["optimizer"]](build_model(spec).parameters(), spec["lr"])  # <- fault


def run(spec, seed=0):
    torch.manual_seed(seed)
    x, y = load_wine(return_X_y=True)
    tr, te = next(StratifiedShuffleSplit(1, test_size=0.35, random_state=seed).split(x, y))
    x = (x - x[tr].mean(0)) / x[tr].std(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    model = build_model(spec)
    optimizer = build_optimizer(spec, model)  # <- fault
    for step in range(spec["steps"]):
        pick = torch.as_tensor(tr)[torch.randperm(len(tr))[:spec["batch"]]]
        loss = nn.functional.cross_entropy(model(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 0:
            print(step, round(loss.item(), 4))
    model.eval()
    with torch.no_grad():
        return float((model(x[te]).argmax(1) == y[te]).float().mean())


accuracy = run(SPEC)
print("accuracy", accuracy)
