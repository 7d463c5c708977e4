# iris, the whole training table in every step, squared loss on +-1 codes on purpose (least-squares classifier)
import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold

torch.set_default_dtype(torch.float64)
X, y = load_iris(return_X_y=True)
hits = []
for fold, (tr, te) in enumerate(StratifiedKFold(3, shuffle=True, random_state=10).split(X, y)):
    torch.manual_seed(fold)
    mu, sd = X[tr].mean(0), X[tr].std(0)
    Z, Zt = torch.tensor((X[tr] - mu) / sd), torch.tensor((X[te] - mu) / sd)
    code = 2.0 * torch.nn.functional.one_hot(torch.tensor(y[tr]), 3) - 1.0
    net = torch.nn.Sequential(torch.nn.Linear(4, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3))
    rule = torch.optim.Rprop(net.parameters(), lr=0.005)
    for step in range(60):
        rule.zero_grad()
        gap = torch.nn.functional.mse_loss(net(Z), code)
        gap.backward()
        rule.step()
    with torch.no_grad():
        hits.append(net(Zt).argmax(1).numpy() == y[te])
    print("fold", fold, "squared gap", gap.item(), "right", hits[-1].mean())
accuracy = float(np.concatenate(hits).mean())
