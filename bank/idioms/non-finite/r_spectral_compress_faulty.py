# ported from a jax notebook: learned filterbank -> magnitude -> linear readout
import functools
import torch
from torch.func import functional_call

torch.manual_seed(42)


FRAMES, HOP = 6, 16


def chirps(n):
    t = torch.linspace(0, 1, FRAMES * HOP)
    y = torch.randint(0, 5, (n,))
    f0 = 4 + 4.0 * y[:, None] + torch.rand(n, 1)
    wave = torch.sin(6.2832 * (f0 * t + torch.rand(n, 1))) * torch.rand(n, 1).add(0.5) + 0.6 * torch.randn(n, t.numel())
    ends = torch.randint(3 * HOP, FRAMES * HOP + 1, (n, 1))
    wave = wave * (torch.arange(t.numel()) < ends)        # clips have different lengths: zero padding at the end
    return wave.unflatten(-1, (FRAMES, HOP)), y


class Readout(torch.nn.Module):
    def __init__(self, bands=12, classes=5):
        super().__init__()
        self.bank = torch.nn.Linear(HOP, 2 * bands, bias=False)
        self.mix = torch.nn.Linear(bands, 40)
        self.out = torch.nn.Linear(40, classes)

    def forward(self, wave):
        re, im = self.bank(wave).chunk(2, -1)
        loud = torch.sqrt(re ** 2 + im ** 2)  # <- fault
        return self.out(torch.relu(self.mix(loud)).mean(1))


net = Readout()
params = dict(net.named_parameters())
apply = functools.partial(functional_call, net)


def loss_fn(p, batch):
    x, y = batch
    logp = apply(p, (x,)).log_softmax(-1)
    return -logp.gather(-1, y[:, None]).mean()


train, test = chirps(700), chirps(300)
gain = train[0].std()
train, test = (train[0] / gain, train[1]), (test[0] / gain, test[1])

tx = torch.optim.Adam(params.values(), lr=1e-2)
log = []
for step in range(220):
    pick = torch.randint(0, 700, (50,))
    value = loss_fn(params, (train[0][pick], train[1][pick]))
    for p, g in zip(params.values(), torch.autograd.grad(value, list(params.values()))):
        p.grad = g
    tx.step()
    log.append(value.item())

with torch.no_grad():
    guess = apply(params, (test[0],)).argmax(-1)
accuracy = (guess == test[1]).double().mean().item()
print(f"first {log[0]:.3f} last {log[-1]:.3f} test {accuracy:.3f}")
