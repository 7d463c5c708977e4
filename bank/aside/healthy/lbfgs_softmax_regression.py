import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

# baseline: multinomial logistic regression, fitted with L-BFGS on the full training set
torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=7, stratify=y)
mu, sigma = X_train.mean(), X_train.std()
X_train = torch.tensor((X_train - mu) / sigma, dtype=torch.float32)
X_test = torch.tensor((X_test - mu) / sigma, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

baseline = nn.Linear(64, 10)
nn.init.zeros_(baseline.weight)
nn.init.zeros_(baseline.bias)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.LBFGS(baseline.parameters(), lr=1.0, max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = criterion(baseline(X_train), y_train) + 2e-3 * baseline.weight.square().sum()
    loss.backward()
    return loss


for step in range(25):
    value = optimizer.step(closure)
    if step % 5 == 0:
        print("iteration", step, "objective", round(value.item(), 5))

baseline.eval()
with torch.no_grad():
    accuracy = (baseline(X_test).argmax(dim=1) == y_test).float().mean().item()
print("logistic regression accuracy", accuracy)
