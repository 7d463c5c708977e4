import numpy as np
import torch
from torch.distributions import Categorical, kl_divergence

# hidden-state labels from a mixture of three von-Mises-like directions + radius
np.random.seed(10)
torch.manual_seed(10)
N = 1500
z = np.random.choice(3, N, p=[0.4, 0.35, 0.25])
angle = np.random.normal(np.array([0.0, 2.1, 4.2])[z], 0.45)
radius = np.random.gamma(8.0, 0.12, N)
obs = np.c_[radius * np.cos(angle), radius * np.sin(angle)]
obs = torch.tensor((obs - obs[:1000].mean(0)) / obs[:1000].std(0), dtype=torch.get_default_dtype())
z = torch.tensor(z)
train, test = (obs[:1000], z[:1000]), (obs[1000:], z[1000:])


class Posterior(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.h = torch.nn.Linear(2, 24)
        self.o = torch.nn.Linear(24, 3)

    def forward(self, x) -> Categorical:
        return Categorical(logits=self.o(torch.sin(self.h(x))))


q = Posterior()
prior = Categorical(probs=torch.bincount(train[1]).float())
optimizer = torch.optim.SGD(q.parameters(), lr=0.05, momentum=0.5)  # <- fault

history = []
for epoch in range(12):
    perm = torch.randperm(1000)
    for batch in perm.view(-1, 50):
        d = q(train[0][batch])
        loglik = d.log_prob(train[1][batch]).mean()  # <- fault
        optimizer.zero_grad()
        loglik.backward()  # <- fault
        optimizer.step()
        history.append(loglik.item())
    print(f"epoch {epoch:2d}   mean log-likelihood {np.mean(history[-20:]):.4f}")

with torch.no_grad():
    post = q(test[0])
    info = kl_divergence(post, prior).mean().item()
    accuracy = (post.probs.argmax(-1) == test[1]).float().mean().item()
print(f"information gain {info:.3f} nats, accuracy {accuracy:.4f}")
