# tiny mixer on digit rows; everything einsum, no nn.Linear anywhere
import torch
from torch import einsum
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

torch.manual_seed(9)
d = load_digits()
tr, te = next(StratifiedShuffleSplit(1, test_size=400, random_state=9).split(d.data, d.target))
x = torch.tensor(d.images, dtype=torch.float32)
x = (x - x[tr].mean()) / x[tr].std()
y = torch.tensor(d.target)
S, C, H = 8, 8, 40


def tensor_param(*shape, fan_in):
    t = torch.randn(*shape)
    return torch.nn.Parameter(t)  # <- fault


class Mixer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up = tensor_param(C, H, fan_in=C)
        self.token = tensor_param(S, S, fan_in=S)
        self.chan = tensor_param(H, H, fan_in=H)
        self.read = tensor_param(S, H, 10, fan_in=S * H)
        self.bias = torch.nn.Parameter(torch.zeros(10))

    def forward(self, img):
        z = einsum("bsc,ch->bsh", img, self.up)
        z = einsum("bsh,st->bth", z, self.token).relu()
        z = einsum("bsh,hk->bsk", z, self.chan).relu()
        return einsum("bsk,sko->bo", z, self.read) + self.bias


mixer = Mixer()
opt = torch.optim.Adam(mixer.parameters(), lr=3e-3)
tr = torch.from_numpy(tr)
for step in range(200):
    pick = tr[torch.randint(len(tr), (48,))]
    loss = torch.nn.functional.cross_entropy(mixer(x[pick]), y[pick])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if not step % 50:
        print(step, loss.item())

with torch.no_grad():
    top = mixer(x[te]).topk(1).indices[:, 0]
accuracy = (top == y[te]).sum().item() / 400
print(accuracy)
