# The hardware of the examples, which are nobody's: enough for their configurations to be whole.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.services.meshwright.plan.kubernetes) version;
in
{
  system.stateVersion = "26.05";
  boot.loader.grub.enable = false;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  services.openssh.enable = true;
  # As docs/nix.md says, without the hash of a real release.
  services.meshwright.kubernetesPackage = pkgs.kubernetes.overrideAttrs {
    inherit version;
    src = pkgs.fetchFromGitHub {
      owner = "kubernetes";
      repo = "kubernetes";
      rev = "v${version}";
      hash = lib.fakeHash;
    };
  };
}
