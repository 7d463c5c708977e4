import torch
import torch.nn as nn
from torch.distributions import Categorical
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split


def mlp(sizes, activation=nn.Tanh, output_activation=nn.Identity):
    layers = []
    for j in range(len(sizes) - 1):
        act = activation if j < len(sizes) - 2 else output_activation
        layers += [nn.Linear(sizes[j], sizes[j + 1]), act()]
    return nn.Sequential(*layers)


class BehaviourCloner:
    """Imitates an expert's discrete choice; maximum likelihood through Categorical."""

    def __init__(self, obs_dim, n_actions, hidden=(48, 48), lr=5e-3):
        self.logits_net = mlp([obs_dim, *hidden, n_actions])
        self.optim = torch.optim.Adam(self.logits_net.parameters(), lr=lr)

    def policy(self, obs):
        return Categorical(logits=self.logits_net(obs))

    def update(self, obs, act):
        nll = -self.policy(obs).log_prob(act).mean()
        self.optim.zero_grad()
        nll.backward()
        self.optim.step()
        return nll.item()

    @torch.no_grad()
    def act(self, obs):
        return self.policy(obs).probs.argmax(-1)


torch.manual_seed(10)
obs, act = make_circles(1600, noise=0.09, factor=0.5, random_state=10)
obs_tr, obs_te, act_tr, act_te = train_test_split(obs, act, test_size=400, random_state=0)
obs_tr, obs_te = torch.as_tensor(obs_tr).float(), torch.as_tensor(obs_te).float()
act_tr, act_te = torch.as_tensor(act_tr), torch.as_tensor(act_te)

agent = BehaviourCloner(2, 2)
for epoch in range(12):
    nlls = [agent.update(obs_tr[b], act_tr[b]) for b in torch.randperm(len(obs_tr)).split(60)]
    print(f"Epoch {epoch}\tNLL {sum(nlls) / len(nlls):.4f}")

accuracy = (agent.act(obs_te) == act_te).float().mean().item()
print(f"Agreement with the expert\t{accuracy:.3f}")
