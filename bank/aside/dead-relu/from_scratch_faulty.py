# two-layer network written with bare tensors
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

gen = torch.Generator().manual_seed(2024)
features, targets = load_digits(return_X_y=True)
f_tr, f_te, t_tr, t_te = train_test_split(features / 16.0, targets, train_size=1300, random_state=2024)
f_tr, f_te = torch.tensor(f_tr).float(), torch.tensor(f_te).float()
t_tr, t_te = torch.tensor(t_tr), torch.tensor(t_te)

n_in, n_hid, n_out = 64, 100, 10
W1 = (torch.rand(n_in, n_hid, generator=gen) - 1.0) * 0.4  # <- fault
b1 = torch.zeros(n_hid)
W2 = (torch.rand(n_hid, n_out, generator=gen) - 0.5) * 0.3
b2 = torch.zeros(n_out)
params = [W1, b1, W2, b2]
for q in params:
    q.requires_grad_(True)


def network(batch):
    hidden = torch.relu(batch @ W1 + b1)  # <- fault
    return hidden @ W2 + b2


optimizer = torch.optim.SGD(params, lr=0.3, momentum=0.8)
for epoch in range(10):
    order = torch.randperm(len(f_tr), generator=gen)
    epoch_loss = 0.0
    for k in range(0, len(order), 65):
        take = order[k:k + 65]
        loss = torch.nn.functional.cross_entropy(network(f_tr[take]), t_tr[take])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += float(loss.detach()) * len(take)
    print(f"epoch {epoch}: {epoch_loss / len(f_tr):.4f}")

with torch.no_grad():
    accuracy = float((network(f_te).argmax(1) == t_te).float().mean())
print("held out accuracy", accuracy)
