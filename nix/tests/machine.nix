# Hardware settings for the machines of the examples, so that their configurations are complete.
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
  # The override of docs/nix.md, without the hash of a real release.
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
