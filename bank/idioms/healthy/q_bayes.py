"""Monte-Carlo dropout at test time, weights averaged over the last epochs, warm-up and cosine per step."""
import math
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

torch.manual_seed(33)
xs, ys = make_moons(1900, noise=0.18, random_state=33)
xs = torch.tensor((xs - [0.5, 0.25]) / [0.87, 0.5], dtype=torch.float32)
ys = torch.tensor(ys)
fit_x, fit_y, new_x, new_y = xs[:1200], ys[:1200], xs[1200:], ys[1200:]

net = nn.Sequential(nn.Linear(2, 128), nn.SELU(), nn.AlphaDropout(0.05),
                    nn.Linear(128, 64), nn.SELU(), nn.Dropout(0.2), nn.Linear(64, 2))
mean_net = AveragedModel(net)
EPOCHS, SIZE = 18, 40
PLANNED = EPOCHS * (len(fit_x) // SIZE)
opt = torch.optim.SGD(net.parameters(), lr=0.12, momentum=0.9)
plan = LambdaLR(opt, lambda k: min(1.0, (k + 1) / 40) * 0.5 * (1 + math.cos(math.pi * k / PLANNED)))
for epoch in range(EPOCHS):
    for rows in torch.randperm(len(fit_x)).split(SIZE):
        picked = net(fit_x[rows])
        loss = nn.functional.cross_entropy(picked, fit_y[rows], label_smoothing=0.05)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        plan.step()
    if epoch >= 13:
        mean_net.update_parameters(net)

mean_net.eval()
for part in mean_net.modules():
    if isinstance(part, nn.Dropout):
        part.train()                      # stochastic passes are wanted: predictive mean over 30 samples
with torch.no_grad():
    draws = torch.stack([mean_net(new_x).softmax(1) for _ in range(30)])
predictive = draws.mean(0)
doubt = -(predictive * predictive.clamp_min(1e-9).log()).sum(1)
accuracy = (predictive.argmax(1) == new_y).float().mean().item()
print(f"accuracy {accuracy:.3f}, mean entropy {doubt.mean():.3f}, spread {draws.std(0).mean():.4f}")
