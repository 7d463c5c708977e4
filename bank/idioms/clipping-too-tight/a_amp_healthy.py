import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(58)
use_amp = True
device = "cpu"

X, y = load_digits(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X / 16.0, y, test_size=0.25, random_state=58)
X_tr, X_te = torch.tensor(X_tr, dtype=torch.float32), torch.tensor(X_te, dtype=torch.float32)
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

net = nn.Sequential(
    nn.Linear(64, 96), nn.ReLU(),
    nn.Linear(96, 48), nn.ReLU(),
    nn.Linear(48, 10),
).to(device)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
scaler = torch.amp.GradScaler(device, enabled=use_amp, init_scale=1024.0)

epochs, batch_size = 8, 60
for epoch in range(epochs):
    net.train()
    losses = []
    for idx in torch.randperm(len(X_tr)).split(batch_size):
        inputs, target = X_tr[idx].to(device), y_tr[idx].to(device)
        with torch.autocast(device_type=device, dtype=torch.float16, enabled=use_amp):
            output = net(inputs)
            loss = loss_fn(output, target)
        scaler.scale(loss).backward()

        scaler.unscale_(opt)
        torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)

        scaler.step(opt)
        scaler.update()
        opt.zero_grad()
        losses.append(loss.item())
    print(f"epoch {epoch}: {sum(losses) / len(losses):.4f} (scale {scaler.get_scale()})")

net.eval()
with torch.no_grad():
    accuracy = (net(X_te).argmax(1) == y_te).float().mean().item()
print("test accuracy:", accuracy)
