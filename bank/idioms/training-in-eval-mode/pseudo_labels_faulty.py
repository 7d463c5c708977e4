"""Two-stage self-training: a teacher labels the unlabelled pool, a copy of it goes on with everything."""
import copy

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(6)
X, y = load_digits(return_X_y=True)
X_fit, X_test, y_fit, y_test = train_test_split(X, y, test_size=400, random_state=6)
X_lab, X_pool, y_lab, _ = train_test_split(X_fit, y_fit, train_size=350, random_state=6)
to_t = lambda a: torch.as_tensor((a - 4.88) / 6.02, dtype=torch.float32)
X_lab, X_pool, X_test = map(to_t, (X_lab, X_pool, X_test))
y_lab, y_test = torch.as_tensor(y_lab), torch.as_tensor(y_test)


def make_net():
    return nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.4),
                         nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.4),
                         nn.Linear(64, 10))


def fit(net, inputs, targets, steps, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(steps):
        ix = torch.randint(len(inputs), (64,))
        opt.zero_grad()
        nn.functional.cross_entropy(net(inputs[ix]), targets[ix]).backward()  # <- fault
        opt.step()


@torch.no_grad()
def predict(net, inputs):
    net.eval()  # <- fault
    return net(inputs).softmax(1)


teacher = make_net()
fit(teacher, X_lab, y_lab, 120, 2e-3)
print("teacher", (predict(teacher, X_test).argmax(1) == y_test).float().mean().item())

conf, guess = predict(teacher, X_pool).max(1)
keep = conf > 0.9
X_all = torch.cat([X_lab, X_pool[keep]])
y_all = torch.cat([y_lab, guess[keep]])
print("pseudo-labelled:", int(keep.sum()))

student = copy.deepcopy(teacher)  # <- fault
fit(student, X_all, y_all, 180, 1e-3)  # <- fault
accuracy = (predict(student, X_test).argmax(1) == y_test).float().mean().item()
print("student", accuracy)
