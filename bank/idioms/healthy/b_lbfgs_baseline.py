"""Multinomial logistic regression, the linear baseline of the comparison; whole training set in every step."""
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
Xt, Xv = torch.tensor(X_train, dtype=torch.float64), torch.tensor(X_test, dtype=torch.float64)
yt, yv = torch.tensor(y_train), torch.tensor(y_test)

linear = torch.nn.Linear(64, 10).double()
torch.nn.init.zeros_(linear.weight)
torch.nn.init.zeros_(linear.bias)
l2 = 1e-4
opt = torch.optim.LBFGS(linear.parameters(), lr=1.0, max_iter=8, history_size=20, line_search_fn="strong_wolfe")


def closure():
    opt.zero_grad()
    loss = torch.nn.functional.cross_entropy(linear(Xt), yt) + l2 * linear.weight.square().sum()
    loss.backward()
    return loss


for it in range(30):
    value = opt.step(closure)
    if it % 5 == 0:
        print(it, float(value))

with torch.no_grad():
    accuracy = (linear(Xv).argmax(1) == yv).double().mean().item()
reference = LogisticRegression(C=1 / (2 * l2 * len(Xt)), max_iter=300).fit(X_train, y_train).score(X_test, y_test)
print("here", accuracy, "scikit-learn", reference)
