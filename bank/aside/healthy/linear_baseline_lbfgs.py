"""Baseline for the paper's table: multinomial logistic regression, L2 by hand, LBFGS on the full batch."""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
a, b, ya, yb = train_test_split(*load_digits(return_X_y=True), test_size=0.3, random_state=0)
scaler = StandardScaler().fit(a)
a, b = (torch.tensor(scaler.transform(q), dtype=torch.float64) for q in (a, b))
ya, yb = torch.tensor(ya), torch.tensor(yb)

logreg = torch.nn.Linear(64, 10, dtype=torch.float64)
torch.nn.init.zeros_(logreg.weight)
torch.nn.init.zeros_(logreg.bias)
solver = torch.optim.LBFGS(logreg.parameters(), lr=1.0, max_iter=4, history_size=10, line_search_fn="strong_wolfe")


def closure():
    solver.zero_grad()
    objective = torch.nn.functional.cross_entropy(logreg(a), ya) + 2e-3 * logreg.weight.square().sum()
    objective.backward()
    return objective


for outer in range(25):
    value = solver.step(closure)
    if outer % 5 == 0:
        print(outer, value.item())

with torch.no_grad():
    accuracy = (logreg(b).argmax(1) == yb).double().mean().item()
print("logistic regression", accuracy)
