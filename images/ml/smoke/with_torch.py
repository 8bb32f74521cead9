"""PyTorch computes and learns; transformers makes a small model without weights from afar."""

import numpy as np
import torch
import torchvision
import transformers
from sentence_transformers import SentenceTransformer

x = torch.arange(4.0).reshape(2, 2)
assert (x @ x).tolist() == [[2.0, 3.0], [6.0, 11.0]]
assert torch.from_numpy(np.ones(3)).sum().item() == 3
layer = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
points = torch.tensor([[0.0], [1.0]])
for _ in range(300):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(layer(points), 2 * points + 1).backward()
    optimizer.step()
assert abs(layer(torch.tensor([[2.0]])).item() - 5) < 0.1
assert torchvision.transforms.Resize(4)(torch.zeros(3, 8, 8)).shape == (3, 4, 4)
config = transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=30)
assert transformers.BertModel(config)(torch.tensor([[1, 2]])).last_hidden_state.shape == (1, 2, 16)
assert SentenceTransformer is not None
