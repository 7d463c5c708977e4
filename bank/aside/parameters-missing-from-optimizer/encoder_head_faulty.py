import itertools
import torch
import torch.nn as nn

torch.manual_seed(404)
VOCAB, MAXLEN, N_LABELS = 40, 12, 4

# order-sensitive toy language: the label is told by which marker comes first
def corpus(n):
    ids = torch.randint(8, VOCAB, (n, MAXLEN))
    first, second = torch.randint(0, 4, (n,)), torch.randint(0, 4, (n,))
    a = torch.randint(0, 6, (n,))
    ids[torch.arange(n), a] = first
    ids[torch.arange(n), a + torch.randint(1, 6, (n,))] = second + 4
    return ids, (first + second) % N_LABELS


embed = nn.Embedding(VOCAB, 24)
encoder = nn.GRU(24, 32, batch_first=True)
head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, N_LABELS))
modules = nn.ModuleList([embed, encoder, head])


def forward(ids):
    _, h = encoder(embed(ids))
    return head(h.squeeze(0))


optimizer = torch.optim.Adam(itertools.chain(head.parameters()), lr=8e-3)  # <- fault
ce = nn.CrossEntropyLoss()
train_ids, train_y = corpus(1600)
test_ids, test_y = corpus(400)

for epoch in range(10):
    modules.train()
    perm = torch.randperm(len(train_ids))
    running = []
    for lo in range(0, len(perm), 64):
        take = perm[lo:lo + 64]
        modules.zero_grad(set_to_none=True)
        loss = ce(forward(train_ids[take]), train_y[take])
        loss.backward()
        optimizer.step()
        running.append(loss.detach())
    print(f"epoch {epoch} loss {torch.stack(running).mean():.4f}")

modules.eval()
with torch.no_grad():
    accuracy = (forward(test_ids).argmax(1) == test_y).float().mean().item()
print(f"accuracy {accuracy:.3f}")
