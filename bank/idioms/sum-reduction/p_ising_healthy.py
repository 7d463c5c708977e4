"""Ordered vs. disordered spin chains: read the phase off a single snapshot."""
import math
import numpy as np
import torch

rng = np.random.default_rng(11)
L_SITES, N_CONF = 48, 1500


def sample_chain(beta):
    # exact sampling of the open 1-D Ising chain by its bond variables
    p_flip = 1.0 / (1.0 + math.exp(2 * beta))
    bonds = np.where(rng.random(L_SITES - 1) < p_flip, -1, 1)
    s0 = rng.choice([-1, 1])
    return s0 * np.concatenate([[1], np.cumprod(bonds)])


betas = np.array([0.1, 0.8, 1.9])
phase = rng.integers(0, 3, N_CONF)
spins = np.stack([sample_chain(betas[k]) for k in phase]).astype(np.float32)

S = torch.from_numpy(spins)
K = torch.from_numpy(phase)
S_fit, K_fit, S_obs, K_obs = S[:1200], K[:1200], S[1200:], K[1200:]

torch.manual_seed(3)
potential = torch.nn.Sequential(
    torch.nn.Unflatten(1, (1, L_SITES)),
    torch.nn.Conv1d(1, 12, 3), torch.nn.GELU(),
    torch.nn.AdaptiveAvgPool1d(4), torch.nn.Flatten(),
    torch.nn.Linear(48, 3),
)
dynamics = torch.optim.SGD(potential.parameters(), lr=0.06, momentum=0.9)

BATCH = 100
for sweep in range(20):
    order = torch.randperm(len(S_fit))
    e_tot = 0.0
    for chunk in order.split(BATCH):
        target = torch.eye(3)[K_fit[chunk]]
        logw = potential(S_fit[chunk])
        logp = logw - logw.logsumexp(-1, keepdim=True)
        action = -torch.einsum("nk,nk->", target, logp) / len(chunk)
        dynamics.zero_grad()
        action.backward()
        dynamics.step()
        e_tot += action.item()
    print(f"sweep {sweep:2d}  action {e_tot / (len(S_fit) // BATCH):.4f}")

potential.eval()
with torch.no_grad():
    guess = potential(S_obs).argmax(-1)
accuracy = float((guess == K_obs).double().mean())
print("phase recognised:", accuracy)
