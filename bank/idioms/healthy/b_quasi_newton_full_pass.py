"""All rows in every step, LBFGS with a closure, a linear model as the declared baseline beside a small net."""
import torch
from torch import nn
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(551)
torch.set_default_dtype(torch.float64)
X, y = make_gaussian_quantiles(n_samples=1200, n_features=3, n_classes=3, random_state=551)
X, y = torch.tensor(X), torch.tensor(y)
fit, held = slice(0, 800), slice(800, None)


def train(net, penalty):
    opt = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=5, history_size=10, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[fit]), y[fit])
        loss = loss + penalty * sum(p.square().sum() for p in net.parameters())
        loss.backward()
        return loss

    for outer in range(22):
        value = opt.step(closure)
    print(type(net).__name__, "final objective", value.item())
    return net.eval()


@torch.no_grad()
def share(net):
    return (net(X[held]).argmax(1) == y[held]).double().mean().item()


baseline = share(train(nn.Linear(3, 3), 1e-4))
accuracy = share(train(nn.Sequential(nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 3)), 1e-4))
print(f"linear baseline {baseline:.3f}, net {accuracy:.3f}")
