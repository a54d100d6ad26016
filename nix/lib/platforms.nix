# `arch` of a node in the words of Nix.
{
  amd64 = "x86_64-linux";
  arm64 = "aarch64-linux";
}
