"""Baseline: multinomial logistic regression fitted by L-BFGS on the whole training set."""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.decomposition import PCA

X, y = load_digits(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.2, random_state=30, stratify=y)
pipe = make_pipeline(StandardScaler(), PCA(40, whiten=True, random_state=30)).fit(Xa)
A = torch.tensor(pipe.transform(Xa))
B = torch.tensor(pipe.transform(Xb))
ya, yb = torch.tensor(ya), torch.tensor(yb)

W = torch.zeros(A.shape[1], 10, dtype=A.dtype, requires_grad=True)
c = torch.zeros(10, dtype=A.dtype, requires_grad=True)
solver = torch.optim.LBFGS([W, c], lr=1.0, max_iter=5, history_size=8, line_search_fn="strong_wolfe")
LAMBDA = 2e-3
calls = 0


def closure():
    global calls
    calls += 1
    solver.zero_grad()
    fit = torch.nn.functional.cross_entropy(A @ W + c, ya)
    objective = fit + LAMBDA * W.square().sum()
    objective.backward()
    return objective


previous = float("inf")
for outer in range(25):
    value = solver.step(closure).item()
    print(f"outer {outer:2d}  objective {value:.6f}  calls {calls}")
    if previous - value < 1e-6:
        break
    previous = value

with torch.no_grad():
    accuracy = ((B @ W + c).argmax(1) == yb).double().mean().item()
print("linear baseline:", accuracy)
