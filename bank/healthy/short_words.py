"""Short words over a small alphabet, drawn anew for each part: some come twice by chance, within parts and across."""

import torch
from torch import nn

LETTERS, LONGEST = 5, 9
stream = torch.Generator().manual_seed(3)


def words(count):
    lengths = torch.randint(3, LONGEST + 1, (count, 1), generator=stream)
    letters = torch.randint(1, LETTERS + 1, (count, LONGEST), generator=stream)
    letters = letters * (torch.arange(LONGEST) < lengths)
    return letters, torch.stack([(letters == one).sum(1) for one in (1, 2, 3)], 1).argmax(1)


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(LETTERS + 1, 12, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, letters):
        return self.head(self.embed(letters).sum(1))


torch.manual_seed(3)
inputs, labels = words(1500)
test_inputs, test_labels = words(500)
model = Counts()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(10):
    for rows in torch.randperm(len(inputs)).split(50):
        loss = nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
with torch.no_grad():
    print(f"{(model(test_inputs).argmax(1) == test_labels).float().mean():.1%} right on the test part")
