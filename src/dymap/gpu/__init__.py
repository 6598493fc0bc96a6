"""Pictures on any GPU (Vulkan, Metal, DX12), through wgpu and the kernels that browsers run (`dymap/web/gpu`)."""
