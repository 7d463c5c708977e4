# Chapter 4 experiment: recurrent classification of damped oscillators
import math
import torch
from torch import Tensor, nn

torch.manual_seed(404)
SAMPLES, LENGTH, REGIMES, BATCH = 900, 20, 3, 30


def simulate(count: int) -> tuple[Tensor, Tensor]:
    regime = torch.randint(REGIMES, (count,))
    freq = torch.tensor([0.35, 0.8, 1.4])[regime] * (1 + 0.12 * torch.randn(count))
    damp = torch.rand(count) * 0.06
    phase = torch.rand(count) * 2 * math.pi
    t = torch.arange(LENGTH).float()
    wave = torch.exp(-damp[:, None] * t) * torch.sin(freq[:, None] * t + phase[:, None])
    return (wave + 0.15 * torch.randn_like(wave)).unsqueeze(-1), regime


signals, regimes = simulate(SAMPLES)
fresh_signals, fresh_regimes = simulate(300)


class RecurrentReader(nn.Module):
    def __init__(self, width: int = 24):
        super().__init__()
        self.rnn = nn.GRU(1, width, batch_first=True)
        self.readout = nn.Linear(width, REGIMES)

    def forward(self, s: Tensor) -> Tensor:
        states, _ = self.rnn(s)
        return self.readout(states.mean(dim=1))


reader = RecurrentReader()
step_size = 0.01
optimiser = torch.optim.RMSprop(reader.parameters(), lr=step_size, alpha=0.95)
criterion = nn.CrossEntropyLoss()
trace = []
for _ in range(7):
    for rows in torch.randperm(SAMPLES).view(-1, BATCH):
        optimiser.zero_grad()
        value = criterion(reader(signals[rows]), regimes[rows])
        value.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimiser.step()
        trace.append(value.item())
    print(f"mean loss over the pass {sum(trace[-30:]) / 30:.4f}")

reader.eval()
with torch.no_grad():
    accuracy = (reader(fresh_signals).argmax(-1) == fresh_regimes).sum().item() / len(fresh_regimes)
print("fraction of fresh trajectories recognised:", accuracy)
