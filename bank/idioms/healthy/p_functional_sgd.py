"""Private-looking SGD by hand: per-sample gradients with torch.func, no optimizer object."""
import torch
from torch.func import functional_call, grad, vmap
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

torch.manual_seed(40)
X, y = load_digits(return_X_y=True)
order = torch.randperm(len(y)).numpy()
X, y = X[order], y[order]
pca = PCA(24, whiten=True, random_state=0).fit(X[:1300])
X, y = torch.tensor(pca.transform(X), dtype=torch.float32), torch.tensor(y)

skeleton = torch.nn.Sequential(torch.nn.Linear(24, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10)).to("meta")
params = {
    "0.weight": torch.randn(64, 24) / 24 ** 0.5, "0.bias": torch.zeros(64),
    "2.weight": torch.zeros(10, 64), "2.bias": torch.zeros(10),
}


def one_loss(theta, x, t):
    return torch.nn.functional.cross_entropy(functional_call(skeleton, theta, (x[None],)), t[None])


per_sample = vmap(grad(one_loss), in_dims=(None, 0, 0))
velocity = {k: torch.zeros_like(v) for k, v in params.items()}
C, LR, MU = 3.0, 0.2, 0.9
for epoch in range(9):
    for idx in torch.randperm(1300).split(65):
        g = per_sample(params, X[idx], y[idx])
        norm = sum(v.flatten(1).square().sum(1) for v in g.values()).sqrt()
        factor = (C / norm).clamp(max=1.0)
        for k in params:
            mean = torch.einsum("n,n...->...", factor, g[k]) / len(idx)
            velocity[k] = MU * velocity[k] + mean
            params[k] = params[k] - LR * velocity[k]
    print(epoch, "clipped share", round((factor < 1).float().mean().item(), 3))

logits = functional_call(skeleton, params, (X[1300:],))
accuracy = (logits.argmax(1) == y[1300:]).float().mean().item()
print("accuracy", accuracy)
