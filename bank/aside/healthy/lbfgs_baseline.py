import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedShuffleSplit

# Softmax regression, our declared linear baseline: full-batch LBFGS, weights from zero, L2 inside the objective.
X, y = load_digits(return_X_y=True)
fit, held = next(StratifiedShuffleSplit(1, test_size=0.3, random_state=1).split(X, y))
X = X / 16.0 - 0.3
A, b = torch.from_numpy(X[fit]), torch.from_numpy(y[fit])

torch.manual_seed(0)
linear = torch.nn.Linear(64, 10).double()
torch.nn.init.zeros_(linear.weight)
torch.nn.init.zeros_(linear.bias)
solver = torch.optim.LBFGS(linear.parameters(), lr=1.0, max_iter=5, history_size=10, line_search_fn="strong_wolfe")
trace = []


def closure():
    solver.zero_grad()
    nll = torch.nn.functional.cross_entropy(linear(A), b)
    value = nll + 1e-4 * linear.weight.square().sum()
    value.backward()
    trace.append(nll.item())
    return value


for outer in range(20):
    solver.step(closure)
print(len(trace), "evaluations, loss", trace[-1])

with torch.no_grad():
    z = linear(torch.from_numpy(X[held])).numpy()
accuracy = float(accuracy_score(y[held], np.argmax(z, axis=1)))
print(accuracy)
