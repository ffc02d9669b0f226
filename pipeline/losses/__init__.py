"""Loss terms: functions of tensors that return a scalar; each method weights and adds them."""
