# Replace with what `nixos-generate-config --show-hardware-config` prints on the machine.
{
  boot.loader.grub.device = "/dev/vda";
  fileSystems."/" = {
    device = "/dev/vda1";
    fsType = "ext4";
  };
}
