module broch/enclave

go 1.27
