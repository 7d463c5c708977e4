import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = 2020
np.random.seed(SEED)
torch.manual_seed(SEED)

# income, loan amount, age, years employed, credit score, number of open accounts
n = 2500
income = np.random.lognormal(10.6, 0.5, n)
loan = np.random.lognormal(9.6, 0.6, n)
age = np.random.uniform(20, 70, n)
employed = np.random.exponential(5, n)
score = np.random.normal(640, 70, n)
accounts = np.random.poisson(4, n)
risk = (1.4 * (np.log(loan) - np.log(income) + 1.0) - 1.2 * (score - 640) / 70 - 0.35 * (employed - 5) / 3
        + 0.8 * (accounts > 6) + 0.5 * ((age < 28) | (age > 62)))
target = (risk + 0.35 * np.random.randn(n) > np.median(risk)).astype(np.int64)
table = np.stack([income, loan, age, employed, score, accounts], axis=1)

X_train, X_test, y_train, y_test = train_test_split(table, target, test_size=0.2, random_state=SEED, stratify=target)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test)
train_ds = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
test_x = torch.tensor(X_test, dtype=torch.float32)
loader = DataLoader(train_ds, batch_size=64, shuffle=True)


class LoanNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 32)
        self.fc2 = nn.Linear(32, 16)
        self.fc3 = nn.Linear(16, 2)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


model = LoanNet(table.shape[1])
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(10):
    model.train()
    for xb, yb in loader:
        opt.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 2 == 0:
        print(f"epoch {epoch} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    pred = model(test_x).argmax(1).numpy()
accuracy = float(accuracy_score(y_test, pred))
print("accuracy", accuracy)
