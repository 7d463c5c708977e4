# Grading four vineyards from 12 chemical measurements (simulated)
import torch
from torch import nn
import numpy as np
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from sklearn.model_selection import train_test_split

SEED = 21
torch.manual_seed(SEED)

features, vineyard = make_classification(n_samples=1500, n_features=12, n_informative=8, n_redundant=2, n_classes=4,
                                         n_clusters_per_class=1, class_sep=1.6, flip_y=0.0, random_state=SEED)
f_train, f_test, v_train, v_test = train_test_split(features, vineyard, test_size=0.25, random_state=SEED)
scaler = StandardScaler().fit(f_train)
f_train = torch.as_tensor(scaler.transform(f_train), dtype=torch.float32)
f_test = torch.as_tensor(scaler.transform(f_test), dtype=torch.float32)
v_train, v_test = torch.as_tensor(v_train), torch.as_tensor(v_test)

model = nn.Sequential(
    nn.Linear(12, 40),
    nn.LeakyReLU(),
    nn.Linear(40, 20),
    nn.LeakyReLU(),
    nn.Linear(20, 1),  # <- fault
)


def objective(scores, wanted):
    return nn.functional.binary_cross_entropy_with_logits(scores.squeeze(1), wanted.float())  # <- fault


def decide(scores):
    return (torch.sigmoid(scores.squeeze(1)) > 0.5).long()


optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
n, bs = len(f_train), 75
for epoch in range(20):
    order = np.random.RandomState(SEED + epoch).permutation(n)
    total = 0.0
    for start in range(0, n, bs):
        sel = order[start:start + bs]
        optimizer.zero_grad()
        loss = objective(model(f_train[sel]), v_train[sel])
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(sel)
    print(f"epoch {epoch:02d}  loss {total / n:9.4f}")

model.eval()
with torch.inference_mode():
    guess = decide(model(f_test))
accuracy = (guess == v_test).double().mean().item()
print("accuracy on unseen bottles:", accuracy)
