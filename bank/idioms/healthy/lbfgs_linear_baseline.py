"""A linear softmax model, declared as the baseline, fitted on all the training rows at once by L-BFGS."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=500, random_state=9)
lo, width = X_tr.mean(0), X_tr.std(0) + 0.5
X_tr, X_te = (torch.tensor((v - lo) / width, dtype=torch.float32) for v in (X_tr, X_te))
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

baseline = nn.Linear(64, 10)
nn.init.zeros_(baseline.weight)
nn.init.zeros_(baseline.bias)
lbfgs = torch.optim.LBFGS(baseline.parameters(), lr=1.0, max_iter=4, history_size=8, line_search_fn="strong_wolfe")
calls = 0


def closure():
    global calls
    calls += 1
    lbfgs.zero_grad()
    loss = nn.functional.cross_entropy(baseline(X_tr), y_tr) + 1e-3 * baseline.weight.square().sum()
    loss.backward()
    return loss


for outer in range(6):
    value = lbfgs.step(closure)
    print(outer, calls, value.item())

with torch.no_grad():
    accuracy = baseline(X_te).argmax(1).eq(y_te).float().mean().item()
print("baseline accuracy", accuracy)
