"""Two-layer 'factor model' for credit grades written with bare matrices, because nn.Linear hides the algebra."""
from dataclasses import dataclass, astuple
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

FACTORS, GRADES = 40, 5
X, g = make_classification(1500, 18, n_informative=12, n_redundant=2, n_classes=GRADES, n_clusters_per_class=2,
                           class_sep=1.7, flip_y=0.0, random_state=21)
X = torch.tensor(scale(X), dtype=torch.float32)
g = torch.tensor(g)
i_fit, i_out = train_test_split(torch.arange(1500).numpy(), test_size=0.25, random_state=21, stratify=g)

gen = torch.Generator().manual_seed(21)


@dataclass
class Coefficients:
    loadings: torch.Tensor
    shift: torch.Tensor
    betas: torch.Tensor
    alpha: torch.Tensor


coef = Coefficients(
    loadings=torch.randn(18, FACTORS, generator=gen) * (2 / 18) ** 0.5,
    shift=torch.zeros(FACTORS),
    betas=torch.zeros(FACTORS, GRADES),
    alpha=torch.zeros(GRADES),
)
for c in astuple(coef) and vars(coef).values():
    c.requires_grad_(True)


def utility(x):
    factors = torch.nn.functional.leaky_relu(x @ coef.loadings + coef.shift, 0.05)
    return torch.addmm(coef.alpha, factors, coef.betas)


solver = torch.optim.Adam(list(vars(coef).values()), lr=0.01, betas=(0.9, 0.99))
path = []
for it in range(260):
    rows = i_fit[torch.randint(len(i_fit), (64,), generator=gen).numpy()]
    deviance = torch.nn.functional.cross_entropy(utility(X[rows]), g[rows])
    solver.zero_grad()
    deviance.backward()
    solver.step()
    path.append(float(deviance.detach()))

with torch.no_grad():
    predicted = utility(X[i_out]).max(dim=1)[1]
accuracy = float(torch.count_nonzero(predicted == g[i_out])) / len(i_out)
print("deviance %.3f -> %.3f, grade hit rate %.3f" % (path[0], sum(path[-20:]) / 20, accuracy))
