# The Nix platform for each value of `arch`.
{
  amd64 = "x86_64-linux";
  arm64 = "aarch64-linux";
}
