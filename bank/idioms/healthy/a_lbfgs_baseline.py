"""Logistic-regression baseline, no hidden layer on purpose."""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X / 16.0, y, test_size=0.3, random_state=0, stratify=y)
X_tr, X_te = torch.tensor(X_tr).double(), torch.tensor(X_te).double()
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

baseline = torch.nn.Linear(64, 10).double()
torch.nn.init.zeros_(baseline.weight)
torch.nn.init.zeros_(baseline.bias)
optimizer = torch.optim.LBFGS(baseline.parameters(), lr=1.0, max_iter=5, history_size=10, line_search_fn="strong_wolfe")
penalty = 1e-3
calls = 0


def closure():
    global calls
    calls += 1
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(baseline(X_tr), y_tr) + penalty * baseline.weight.square().sum()
    loss.backward()
    return loss


for it in range(25):
    value = optimizer.step(closure)
    if it % 5 == 0:
        print(f"iteration {it:2d} objective {value.item():.5f}")
print("evaluations of the closure:", calls)

with torch.no_grad():
    pred = baseline(X_te).argmax(1)
accuracy = (pred == y_te).double().mean().item()
print("baseline accuracy", accuracy)
