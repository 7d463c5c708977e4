import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(47)


def make_strings(n, seed, length=15, alphabet=6):
    """label: which symbol of 0, 1, 2 was seen most often"""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=g)
    probs = torch.full((n, alphabet), 1.0)
    probs[torch.arange(n), y] = 4.0
    x = torch.multinomial(probs, length, replacement=True, generator=g)
    return x, y


class CharLSTM(nn.Module):
    def __init__(self, alphabet=6, emb=8, hidden=24, n_out=3):
        super().__init__()
        self.embedding = nn.Embedding(alphabet, emb)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, n_out)

    def forward(self, x):
        out, (h, c) = self.lstm(self.embedding(x))
        return self.fc(h[-1])


x_train, y_train = make_strings(900, 1)
x_test, y_test = make_strings(400, 2)
train_iter = DataLoader(TensorDataset(x_train, y_train), batch_size=36, shuffle=True)

model = CharLSTM()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
CLIP = 1.0

for epoch in range(8):
    model.train()
    epoch_loss = 0
    for text, label in train_iter:
        optimizer.zero_grad()
        predictions = model(text)
        loss = criterion(predictions, label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        epoch_loss += loss.item()
    print(f"Epoch: {epoch + 1:02} | Train Loss: {epoch_loss / len(train_iter):.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x_test).argmax(dim=1) == y_test).float().mean().item()
print(f"Test Acc: {accuracy * 100:.2f}%")
