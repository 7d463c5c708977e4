"""Several small models in turn, each with an L-BFGS of its own and a few steps; the penalty is chosen by validation."""

import torch
from torch.nn import functional

torch.manual_seed(0)
centres = torch.randn(3, 6) * 2
labels = torch.arange(3).repeat(60)
inputs = centres[labels] + torch.randn(180, 6)
order = torch.randperm(180)
train, valid, test = order[:100], order[100:140], order[140:]


def fit(penalty):
    model = torch.nn.Linear(6, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs[train]), labels[train]) + penalty * model.weight.square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    return model


@torch.no_grad()
def measure(model, part):
    scores = model(inputs[part])
    return functional.cross_entropy(scores, labels[part]).item(), (scores.argmax(1) == labels[part]).float().mean()


models = {penalty: fit(penalty) for penalty in (1.0, 0.1, 0.01, 0.001, 0.0001)}
chosen = min(models, key=lambda penalty: measure(models[penalty], valid)[0])
print(f"penalty {chosen}: {measure(models[chosen], test)[1]:.1%} right on the test part")
